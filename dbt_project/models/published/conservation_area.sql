{{ published('conservation_area') }}
