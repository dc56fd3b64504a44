{{ token_matches(
    'provider',
    'lead',
    rules=[
        {'rule': 'phone', 'class': 'phone'},
        {'rule': 'address', 'class': 'street_address', 'and': 'left(one.zip, 5) = left(other.postal_code, 5)'},
    ],
    among='other.is_deleted is not true'
) }}
