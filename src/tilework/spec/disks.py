"""What some network drives and shared folders cannot do, as the system reports it."""

from __future__ import annotations

import errno

_UNSUPPORTED = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}


def lacks_locks(error: OSError) -> bool:
    """Whether locking a file failed because its disk knows no locks (and not because another process has it)."""
    return error.errno in {*_UNSUPPORTED, errno.ENOLCK}


def lacks_maps(error: OSError) -> bool:
    """Whether mapping a file into memory failed because its disk cannot do that."""
    return error.errno in {*_UNSUPPORTED, errno.ENODEV}
