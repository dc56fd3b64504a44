{{ published_orphan('tomogram') }}
