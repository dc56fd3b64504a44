{{ masked('thing') }}
