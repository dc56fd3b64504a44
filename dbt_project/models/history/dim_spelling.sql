{{ masked('spelling') }}
