{{ published_child('tomography_run') }}
