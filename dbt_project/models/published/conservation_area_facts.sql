{{ published_facts('conservation_area') }}
