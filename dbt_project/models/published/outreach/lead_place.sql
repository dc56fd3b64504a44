{{ with_place('lead', zip='postal_code') }}
