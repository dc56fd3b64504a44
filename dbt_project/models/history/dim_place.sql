{{ masked('place') }}
