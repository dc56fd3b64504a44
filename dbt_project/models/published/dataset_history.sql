{{ published('dataset', history=true) }}
