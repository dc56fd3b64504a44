{{ with_place('provider', zip='zip') }}
