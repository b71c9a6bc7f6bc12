"""What the pages cost the server, beside a bare page and a plain script that queries the cases: `python -m benchmarks.dashboard`."""
