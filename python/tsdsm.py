"""Take part in a running cluster of tsdsm, whose main and workers are Node processes, from Python with NumPy.

    import tsdsm

    with tsdsm.join('simulation') as cluster:      # Cluster.start(4, { name: 'simulation' }) in Node
        field = cluster.array('field')             # a numpy.ndarray over the same memory
        with cluster.lock('ledger'):
            field += 1
        cluster.barrier('step').wait()

It stands on the C interface, libtsdsm.so (`cargo build --release -p tsdsm-c`): the file that the environment variable
TSDSM_LIBRARY names, or the one beside this module, or the one that cargo has built in this repository, or one of the
system's.

One thread takes part: each thread joins for itself, and a process that was forked joins anew. A program that ends
without close() counts as one that was killed: locks that it held are poisoned, and the barriers that it belongs to break.
Waits take a time-out in seconds: None for no end, 0 for a try that does not wait. Ctrl-C ends them.
"""

import ctypes
import os
import threading
import weakref
from pathlib import Path

import numpy as np

__all__ = [
    'BrokenBarrierError', 'CapacityError', 'ClosedError', 'DeadlockError', 'IncompatibleSegmentError',
    'InvalidArgumentError', 'NameExistsError', 'NotFoundError', 'NotOwnerError', 'OutOfSharedMemoryError',
    'OwnerDiedError', 'SystemError', 'TimeoutError', 'TsdsmError', 'UnsupportedError',
    'Barrier', 'Cluster', 'Lock', 'join',
]


class TsdsmError(Exception):
    """What every error of tsdsm is. `code` is the same in every language: 'ERR_TSDSM_…'."""

    code = 'ERR_TSDSM'


class InvalidArgumentError(TsdsmError, ValueError):
    """A bad name, shape, dtype, count or thread."""

    code = 'ERR_TSDSM_INVALID_ARGUMENT'


class NameExistsError(TsdsmError):
    """The name is taken."""

    code = 'ERR_TSDSM_NAME_EXISTS'


class NotFoundError(TsdsmError, LookupError):
    """Nothing has this name."""

    code = 'ERR_TSDSM_NOT_FOUND'


class IncompatibleSegmentError(TsdsmError):
    """Damaged, foreign, or of another version."""

    code = 'ERR_TSDSM_INCOMPATIBLE_SEGMENT'


class OutOfSharedMemoryError(TsdsmError, MemoryError):
    """There is not so much shared memory."""

    code = 'ERR_TSDSM_OUT_OF_SHARED_MEMORY'


class CapacityError(TsdsmError):
    """A table of the cluster is full."""

    code = 'ERR_TSDSM_CAPACITY'


class ClosedError(TsdsmError):
    """The cluster has ended, or was left."""

    code = 'ERR_TSDSM_CLOSED'


class OwnerDiedError(TsdsmError):
    """Whoever held the lock has died: what it guards may be half written. It is not held."""

    code = 'ERR_TSDSM_OWNER_DIED'


class DeadlockError(TsdsmError):
    """This thread would wait for itself."""

    code = 'ERR_TSDSM_DEADLOCK'


class NotOwnerError(TsdsmError):
    """This thread does not hold the lock."""

    code = 'ERR_TSDSM_NOT_OWNER'


class TimeoutError(TsdsmError, TimeoutError):
    """The time is over. A barrier is broken then, for all."""

    code = 'ERR_TSDSM_TIMEOUT'


class BrokenBarrierError(TsdsmError, threading.BrokenBarrierError):
    """The barrier cannot be passed: a party died, left or gave up, or it was reset."""

    code = 'ERR_TSDSM_BROKEN_BARRIER'


class UnsupportedError(TsdsmError):
    """The machine lacks something, or this process was forked."""

    code = 'ERR_TSDSM_UNSUPPORTED'


class SystemError(TsdsmError):
    """A system call failed."""

    code = 'ERR_TSDSM_SYSTEM'


_ERRORS = {
    1: InvalidArgumentError, 2: NameExistsError, 3: NotFoundError, 4: IncompatibleSegmentError,
    5: OutOfSharedMemoryError, 6: CapacityError, 7: ClosedError, 8: OwnerDiedError, 9: DeadlockError,
    10: NotOwnerError, 11: TimeoutError, 12: BrokenBarrierError, 14: UnsupportedError, 15: SystemError,
}
_INTERRUPTED = 13
_HOOK = ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.c_void_p)


def _load():
    here = Path(__file__).resolve().parent
    built = [here.parent / 'target' / profile / 'libtsdsm.so' for profile in ('release', 'debug')]
    candidates = [os.environ.get('TSDSM_LIBRARY'), here / 'libtsdsm.so', *built]
    found = next((path for path in candidates if path and Path(path).exists()), 'libtsdsm.so')
    library = ctypes.CDLL(str(found))
    text, pointer, status = ctypes.c_char_p, ctypes.c_void_p, ctypes.c_int
    out = ctypes.POINTER(ctypes.c_void_p)
    signatures = {
        'error_code': (text, []), 'error_message': (text, []),
        'join': (status, [text, out]), 'leave': (None, [pointer]), 'has_ended': (ctypes.c_bool, [pointer]),
        'workers': (ctypes.c_uint32, [pointer]), 'set_interrupt': (status, [pointer, _HOOK, pointer]),
        'array_attach': (status, [pointer, text, ctypes.c_bool, out]),
        'array_create': (status, [pointer, text, text, ctypes.POINTER(ctypes.c_uint64), ctypes.c_size_t, out]),
        'array_delete': (status, [pointer, text]), 'array_close': (None, [pointer]),
        'array_data': (pointer, [pointer]), 'array_dtype': (text, [pointer]),
        'array_ndim': (ctypes.c_size_t, [pointer]), 'array_shape': (ctypes.POINTER(ctypes.c_uint64), [pointer]),
        'array_bytes': (ctypes.c_size_t, [pointer]), 'array_is_read_only': (ctypes.c_bool, [pointer]),
        'lock_create': (status, [pointer, text]), 'lock_find': (status, [pointer, text, out]),
        'lock_acquire': (status, [pointer, ctypes.c_int64, ctypes.c_bool, ctypes.POINTER(ctypes.c_bool)]),
        'lock_release': (status, [pointer]), 'lock_clear_poison': (status, [pointer]), 'lock_free': (None, [pointer]),
        'barrier_create': (status, [pointer, text, ctypes.c_uint32]), 'barrier_find': (status, [pointer, text, out]),
        'barrier_wait': (status, [pointer, ctypes.c_int64, ctypes.POINTER(ctypes.c_uint32)]),
        'barrier_reset': (status, [pointer]), 'barrier_free': (None, [pointer]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, f'tsdsm_{name}')
        function.restype, function.argtypes = result, arguments
    return library


_library = _load()


def _call(name, *arguments):
    """Calls what answers with a status."""
    status = getattr(_library, f'tsdsm_{name}')(*arguments)
    if status != 0:
        error = _ERRORS.get(status, TsdsmError)(_library.tsdsm_error_message().decode())
        error.code = _library.tsdsm_error_code().decode()
        error.interrupted = status == _INTERRUPTED
        raise error


def _found(name, *arguments):
    """Calls what puts a pointer at its last argument."""
    found = ctypes.c_void_p()
    _call(name, *arguments, ctypes.byref(found))
    return found


def _text(name):
    return str(name).encode()


def _milliseconds(timeout):
    if timeout is None:
        return -1
    # Not less than asked for, and not 0 for a short while.
    return max(0, -int(-float(timeout) * 1000 // 1))


def join(name):
    """Takes part in the running cluster `name`: see Cluster.

    Raises NotFoundError when there is none, IncompatibleSegmentError when it is of another version, CapacityError when it
    has no place left.
    """
    return Cluster(name)


class Cluster:
    """A cluster that this thread has joined. As a context manager it closes at the end."""

    def __init__(self, name):
        self.name = name
        self._raised = None
        self._here = os.getpid(), threading.get_ident()
        self._pointer = _found('join', _text(name))
        # Not at the interpreter's exit: a program that ends without close() counts as dead.
        self._leave = weakref.finalize(self, _library.tsdsm_leave, self._pointer)
        self._leave.atexit = False
        answers = _signals(weakref.ref(self))
        next(answers)
        self._hook = _HOOK(answers.send)
        _call('set_interrupt', self._pointer, self._hook, None)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __repr__(self):
        return f'<tsdsm.Cluster {self.name!r}{" (closed)" if self.closed else ""}>'

    def close(self):
        """Leaves: locks that are still held become poisoned. Arrays stay. Twice is fine."""
        self._leave()

    @property
    def closed(self):
        """Whether it was left, or has ended: when its main process ends, it does."""
        return not self._leave.alive or _library.tsdsm_has_ended(self._pointer)

    @property
    def workers(self):
        """How many workers it has."""
        return _library.tsdsm_workers(self._own())

    def array(self, name, read_only=False):
        """The shared array `name` as a numpy.ndarray: the same memory, mapped as long as a view of it lives."""
        return _view(_found('array_attach', self._own(), _text(name), read_only))

    def create_array(self, name, shape, dtype='int32'):
        """Makes a shared array of zeros for all participants; it goes with the cluster."""
        lengths = (shape,) if np.ndim(shape) == 0 else tuple(shape)
        if any(length < 0 for length in lengths):
            raise InvalidArgumentError(f'the shape {lengths} holds a negative length')
        lengths = (ctypes.c_uint64 * len(lengths))(*lengths)
        descr = np.dtype(dtype).str
        return _view(_found('array_create', self._own(), _text(name), _text(descr), lengths, len(lengths)))

    def delete_array(self, name):
        """Takes an array's name away. Who has it keeps the memory."""
        _call('array_delete', self._own(), _text(name))

    def lock(self, name):
        """The lock `name`, whoever has made it."""
        return Lock(self, name)

    def create_lock(self, name):
        """Makes a lock for all participants."""
        _call('lock_create', self._own(), _text(name))
        return self.lock(name)

    def barrier(self, name):
        """The barrier `name`, whoever has made it."""
        return Barrier(self, name)

    def create_barrier(self, name, parties):
        """Makes a barrier for so many parties, whoever they are."""
        _call('barrier_create', self._own(), _text(name), parties)
        return self.barrier(name)

    def _own(self):
        """The pointer, for the thread that has joined."""
        if not self._leave.alive:
            raise ClosedError(f'cluster {self.name!r} was left')
        pid, thread = self._here
        if pid != os.getpid():
            raise UnsupportedError('this process was forked: it joins for itself, and better starts by exec')
        if thread != threading.get_ident():
            raise InvalidArgumentError('another thread has joined; each thread joins for itself')
        return self._pointer

    def _wait(self, name, pointer, *arguments):
        self._own()
        try:
            _call(name, pointer, *arguments)
        except TsdsmError as error:
            if not error.interrupted or self._raised is None:
                raise
            raised, self._raised = self._raised, None
            raise raised from None


def _signals(cluster):
    """Tells the library, which asks in the midst of waits, whether a handler of signals has raised something.

    A generator, since handlers run where Python code goes on: here that is inside of a try statement.
    """
    answer = False
    while True:
        try:
            yield answer
            answer = False
        except GeneratorExit:
            return
        except BaseException as raised:
            waiting = cluster()
            if waiting is not None:
                waiting._raised = raised
            answer = True


class Lock:
    """A lock between all participants. Not reentrant. As a context manager it is held inside."""

    def __init__(self, cluster, name):
        self.name = name
        self._cluster = cluster
        self._pointer = _found('lock_find', cluster._own(), _text(name))
        weakref.finalize(self, _library.tsdsm_lock_free, self._pointer).atexit = False

    def acquire(self, timeout=None, recover=False):
        """Waits for the lock. True when it was taken over from a holder that died: only with `recover`.

        Raises OwnerDiedError when a holder died and `recover` is not set, TimeoutError, DeadlockError for whoever holds it.
        """
        recovered = ctypes.c_bool()
        self._cluster._wait('lock_acquire', self._pointer, _milliseconds(timeout), recover, ctypes.byref(recovered))
        return recovered.value

    def release(self):
        """Gives it back. Raises NotOwnerError when this thread does not hold it."""
        self._cluster._own()
        _call('lock_release', self._pointer)

    def clear_poison(self):
        """Declares what it guards whole again; it is held, taken over from a holder that died."""
        self._cluster._own()
        _call('lock_clear_poison', self._pointer)

    def __enter__(self):
        self.acquire()
        return self

    def __exit__(self, *_):
        self.release()


class Barrier:
    """A barrier between participants: whoever comes waits until all have come."""

    def __init__(self, cluster, name):
        self.name = name
        self._cluster = cluster
        self._pointer = _found('barrier_find', cluster._own(), _text(name))
        weakref.finalize(self, _library.tsdsm_barrier_free, self._pointer).atexit = False

    def wait(self, timeout=None):
        """Waits until all have come; how many had come before. From here on this participant's death breaks it.

        Raises BrokenBarrierError, and TimeoutError, which breaks it for all; so does Ctrl-C.
        """
        index = ctypes.c_uint32()
        self._cluster._wait('barrier_wait', self._pointer, _milliseconds(timeout), ctypes.byref(index))
        return index.value

    def reset(self):
        """Makes a broken barrier sound again."""
        self._cluster._own()
        _call('barrier_reset', self._pointer)


def _view(pointer):
    """An array over what is mapped, which stays mapped as long as the array or a view of it lives."""
    shape = tuple(_library.tsdsm_array_shape(pointer)[: _library.tsdsm_array_ndim(pointer)])
    dtype = np.dtype(_library.tsdsm_array_dtype(pointer).decode())
    memory = (ctypes.c_char * _library.tsdsm_array_bytes(pointer)).from_address(_library.tsdsm_array_data(pointer))
    weakref.finalize(memory, _library.tsdsm_array_close, pointer).atexit = False
    array = np.ndarray(shape, dtype, memory)
    array.flags.writeable = not _library.tsdsm_array_is_read_only(pointer)
    return array
