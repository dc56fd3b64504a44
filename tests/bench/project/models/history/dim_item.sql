{{ masked('item') }}
