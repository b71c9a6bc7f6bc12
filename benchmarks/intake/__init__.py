"""What taking an export in costs, beside a plain load of the same file and beside other tools."""
