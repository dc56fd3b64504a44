{{ masked('resource') }}
