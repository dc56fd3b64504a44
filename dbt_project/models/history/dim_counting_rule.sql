{{ masked('counting_rule') }}
