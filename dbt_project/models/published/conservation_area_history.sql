{{ published('conservation_area', history=true) }}
