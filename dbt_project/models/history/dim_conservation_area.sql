{{ masked('conservation_area') }}
