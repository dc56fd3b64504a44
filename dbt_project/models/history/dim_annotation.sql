{{ masked('annotation') }}
