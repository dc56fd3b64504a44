{{ masked('lead') }}
