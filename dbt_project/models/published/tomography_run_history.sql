{{ published_child('tomography_run', history=true) }}
