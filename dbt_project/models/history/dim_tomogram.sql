{{ masked('tomogram') }}
