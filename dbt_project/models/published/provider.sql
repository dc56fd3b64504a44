{{ published('provider') }}
