{{ published_best_by_key('tomography_run') }}
