{{ masked('tomography_run') }}
