{{ masked('dataset') }}
