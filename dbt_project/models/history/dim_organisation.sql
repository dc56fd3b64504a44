{{ masked('organisation') }}
