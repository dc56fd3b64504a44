{{ published_best('conservation_area') }}
