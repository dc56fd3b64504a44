{{ masked('provider') }}
