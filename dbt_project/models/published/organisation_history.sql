{{ published('organisation', history=true) }}
