{{ published_orphan('tomography_run') }}
