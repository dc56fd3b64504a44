{{ published_number('conservation_area') }}
