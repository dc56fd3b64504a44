{{ masked('school') }}
