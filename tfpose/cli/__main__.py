import sys

from tfpose.cli import main

sys.exit(main())
