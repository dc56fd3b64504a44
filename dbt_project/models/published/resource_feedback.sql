{{ published('resource_feedback') }}
