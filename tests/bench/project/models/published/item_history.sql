{{ published('item', history=true) }}
