{{ published_orphan('annotation') }}
