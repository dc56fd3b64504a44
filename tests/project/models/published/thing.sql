{{ published('thing') }}
