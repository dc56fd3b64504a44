{{ quarantine_masked('conservation_area') }}
