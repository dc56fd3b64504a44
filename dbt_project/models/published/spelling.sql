{{ published('spelling') }}
