/* The lock of src/mutex.rs: kill -9 at every step, time-outs, abort, poison, a sweeper that may die itself.
   Sequentially consistent: memory orderings are loom's task (tests/loom.rs).

   The word is (owner, W, P): whoever holds it, WAITERS, POISON. Every `atomic` below is one load, one compare-exchange
   or one futex call of the source. Process 1 always recovers a poisoned lock, the others never do.

   DEATHS, LEAVES   how many may die; how many waits may end by time-out or abort
   ROUNDS, POISONED how often each takes the lock; whether it is poisoned at the start
   SWEEP            a monitor recovers after each death; TICK: bounded sleeps find the dead owner instead
   BUG_...          one line changed: each must be found                                                             */
#ifndef N
#define N 3
#endif
#ifndef ROUNDS
#define ROUNDS 2
#endif
#ifndef DEATHS
#define DEATHS 0
#endif
#ifndef LEAVES
#define LEAVES 0
#endif

#ifndef POISONED
#define POISONED 0
#endif

byte owner = 0; bool W = 0; bool P = POISONED;
bool asleep[N + 1]; bool dead[N + 1];
byte deaths = 0; byte leaves = 0; byte unswept = 0;
byte inside = 0;                /* ghost: how many live processes are in the critical section */
bool half_done = 0;             /* ghost: somebody died in there, and nobody has put it right */

#define recovers (me == 1)
#define same (owner == o && W == w && P == p)
inline may_die() { if :: deaths < DEATHS -> goto die :: skip fi }
inline look() { o = owner; w = W; p = P }
inline wake_all() { asleep[1] = 0; asleep[2] = 0; asleep[3] = 0 }
inline wake_one() { if :: asleep[1] -> asleep[1] = 0 :: asleep[2] -> asleep[2] = 0 :: asleep[3] -> asleep[3] = 0
                       :: else -> skip fi }

proctype Participant(byte me) {
  byte o; bool w; bool p; bool slept; bool asked; byte round = 0; bool tainted;
  do
  :: round == ROUNDS -> break
  :: else ->
    round++; slept = 0; tainted = 0;
    may_die();
    atomic { if :: owner == 0 && !W && !P -> owner = me; goto critical :: else -> look() fi };      /* try_fast */
again:
    may_die();
    if
    :: o == 0 && p && !recovers -> goto refused
    :: o == 0 && !(p && !recovers) ->
       atomic { if :: same -> owner = me; W = (w || slept); tainted = p; goto critical
                   :: else -> look(); goto again fi }
    :: o != 0 ->
       asked = dead[o];                                                               /* is_alive */
       may_die();
       if
       :: asked ->                                                                    /* force_release, then look again */
          atomic { if :: owner == o -> owner = 0; W = 0; P = 1 :: else -> skip fi };
          may_die();
          atomic { wake_all(); look() }; goto again
       :: else ->
          if
          :: slept && leaves < LEAVES -> leaves++; goto leave                          /* out of time, or called off */
          :: else
          fi;
          if
          :: !w -> atomic { if :: same -> W = 1; w = 1 :: else -> look(); goto again fi }
          :: else
          fi;
          may_die();
          atomic { if :: same -> asleep[me] = 1 :: else -> skip fi };                  /* futex_wait */
          do
          :: !asleep[me] -> break
          :: asleep[me] && deaths < DEATHS -> goto die
          :: asleep[me] && leaves < LEAVES -> leaves++; asleep[me] = 0; slept = 1; goto leave
#ifdef TICK
          :: asleep[me] && deaths > 0 -> asleep[me] = 0; break     /* counts only after a death: no wake may be lost */
#endif
          od;
#ifndef BUG_FORGETS_WAITERS
          slept = 1;
#endif
          atomic { look() }; goto again
       fi
    fi;
critical:
    atomic { inside++; assert(inside == 1); assert(!half_done || tainted) };
    may_die();
    if
    :: tainted -> if :: atomic { P = 0; half_done = 0 } :: skip fi                      /* clear_poison, or not */
    :: else
    fi;
    may_die();
    atomic { inside--; look() };
unlock:
    may_die();
    atomic { assert(owner == me); if :: same -> owner = 0; W = 0 :: else -> look(); goto unlock fi };
    may_die();
    if
#ifndef BUG_POISONED_WAKES_ONE
    :: w && p -> atomic { wake_all() }
#else
    :: w && p -> atomic { wake_one() }
#endif
    :: w && !p -> atomic { wake_one() }
    :: else
    fi;
    goto next;
leave:
    may_die();
#ifndef BUG_KEEPS_THE_WAKE
    atomic { wake_one() };                                                            /* abandon */
#endif
refused: skip;
next: skip
  od;
  goto over;
die:
  atomic {
    dead[me] = 1; deaths++; unswept++; asleep[me] = 0;
    if :: owner == me && inside > 0 -> inside--; half_done = 1 :: else -> skip fi
  };
over: skip
}

#ifdef SWEEP
/* After each death: every dead holder's lock becomes free and poisoned, then all are woken. A sweeper that dies leaves
   the death unswept: the next one begins again. */
active proctype Sweeper() {
  byte o; bool again = 1;
end:
  do
  :: unswept > 0 ->
     o = owner;
     if
     :: o != 0 && dead[o] ->
#ifdef BUG_SWEEPER_ONLY_WAKES
        skip
#elif defined(BUG_DEATH_FREES)
        atomic { if :: owner == o -> owner = 0; W = 0 :: else -> skip fi }
#else
        atomic { if :: owner == o -> owner = 0; W = 0; P = 1 :: else -> skip fi }
#endif
     :: else
     fi;
     if :: again -> again = 0; goto end :: skip fi;                                    /* this sweeper dies */
#ifdef BUG_SWEEPER_WAKES_NOBODY
     atomic { unswept-- }
#else
     atomic { unswept--; wake_all() }
#endif
  od
}
#endif

init { atomic { run Participant(1); run Participant(2); run Participant(3) } }
