/* The fair lock of src/fair.rs: kill -9 at every step, time-outs, abort, poison, a sweeper that may die itself.
   Sequentially consistent: memory orderings are loom's task (tests/loom.rs).

   The word is (owner, W, P) as in mutex.pml, and turn where it is free; ticket[i] is the entry of slot i, 0 where it does not wait. Every `atomic`
   below is one load, one compare-exchange or one futex call of the source, but for the scan of the tickets, which is one
   step: whatever changes amid a scan might have changed before or after it. Participant 1 always recovers a poisoned lock,
   the others never do.

   N, ROUNDS        how many take it, 2 or 3; how often each
   DEATHS, LEAVES   how many may die; how many waits may end by time-out or abort
   BUG_...          one line changed: each must be found                                                             */
#ifndef N
#define N 3
#endif
#ifndef ROUNDS
#define ROUNDS 1
#endif
#ifndef DEATHS
#define DEATHS 0
#endif
#ifndef LEAVES
#define LEAVES 0
#endif

byte owner = 0; bool W = 0; bool P = 0; byte turn = 0; byte turns = 0;
byte next = 1; byte ticket[4];
bool asleep[4]; bool dead[4];
byte deaths = 0; byte leaves = 0; byte unswept = 0;
byte inside = 0;                /* ghost: how many live processes are in the critical section */
bool half_done = 0;             /* ghost: somebody died in there, and nobody has put it right */
bool queued[4];                 /* ghost: it waits, and all can know: the waiters' bit was set in its sight */

#define recovers(i) (i == 1)
#define same (owner == o && W == w && P == p && turn == u)
#define before(i, j) (ticket[i] != 0 && (!P || recovers(i)) && (ticket[j] == 0 || ticket[i] < ticket[j] || (P && !recovers(j))))
inline may_die() { if :: deaths < DEATHS -> goto die :: skip fi }
inline look() { o = owner; w = W; p = P; u = turn }
inline wake_all() { asleep[1] = 0; asleep[2] = 0; asleep[3] = 0 }
/* Whose turn it is; 0 for nobody's. */
inline scan() {
  first = 0;
  if :: before(1, first) -> first = 1 :: else fi;
  if :: before(2, first) -> first = 2 :: else fi;
  if :: before(3, first) -> first = 3 :: else fi;
  others = ((me != 1 && ticket[1] != 0) || (me != 2 && ticket[2] != 0) || (me != 3 && ticket[3] != 0))
}
/* call_next: a compare-exchange of the word, a scan, a wake. */
inline call_next() {
#ifdef BUG_KEEPS_THE_TURN
  atomic { look() };
#else
  atomic { if :: owner == 0 && W -> turns++; turn = turns :: else -> skip fi; look() };
#endif
  may_die();
  if
  :: o != 0 -> skip
  :: o == 0 && p -> atomic { wake_all() }
  :: o == 0 && !p ->
     atomic { scan() };
     may_die();
     if
#ifdef BUG_WAKES_NOBODY
     :: first != 0 -> skip
#else
     :: first != 0 -> atomic { asleep[first] = 0 }
#endif
     :: first == 0 && w -> atomic { if :: same -> W = 0; turn = 0 :: else -> skip fi }
     :: first == 0 && !w -> skip
     fi
  fi
}

proctype Participant(byte me) {
  byte o; bool w; bool p; byte u; byte first; bool others; bool tainted; byte round = 0;
  do
  :: round == ROUNDS -> break
  :: else ->
    round++; tainted = 0;
    may_die();
    atomic {                                                                             /* try_fast */
      if
      :: owner == 0 && !W && !P -> owner = me; assert(!queued[1] && !queued[2] && !queued[3]); goto critical
      :: else -> skip
      fi
    };
    atomic { first = next; next++ };                                                     /* enter */
    may_die();
    ticket[me] = first;
    may_die();
    atomic { if :: owner != 0 -> W = 1; queued[me] = 1 :: else -> skip fi };
    may_die();
again:
    atomic { look() };
    may_die();
    if
    :: o == 0 && p && !recovers(me) -> goto leave
    :: o == 0 && !(p && !recovers(me)) ->
       atomic { scan() };
       may_die();
       if
       :: first == me || first == 0 ->
#ifdef BUG_FORGETS_WAITERS
          others = 0;
#endif
          atomic {
            if
            :: same ->
               owner = me; W = (w || others); turn = 0; tainted = p; queued[me] = 0;
               /* Nobody waits longer that could be known to wait. */
               assert(P || !queued[1] || dead[1] || ticket[1] > ticket[me]);
               assert(P || !queued[2] || dead[2] || ticket[2] > ticket[me]);
               assert(P || !queued[3] || dead[3] || ticket[3] > ticket[me]);
               goto taken
            :: else -> goto again
            fi
          }
       :: else -> goto wait
       fi
    :: o != 0 -> goto wait
    fi;
wait:
    /* clear_the_dead */
    if
    :: o != 0 && dead[o] ->
       atomic { if :: owner == o -> owner = 0; W = 0; P = 1; turn = 0 :: else -> skip fi };
       may_die();
       atomic { wake_all() }; goto again
    :: o != 0 && !dead[o] -> skip
    :: o == 0 ->
       atomic { scan() };
       may_die();
       if
       :: first == me || first == 0 -> goto again
       :: first != me && first != 0 && dead[first] -> ticket[first] = 0; may_die(); call_next(); goto again
       :: first != me && first != 0 && !dead[first] -> skip
       fi
    fi;
    if :: leaves < LEAVES -> leaves++; goto leave :: skip fi;
    may_die();
    if
    :: !w -> atomic { if :: same -> W = 1; queued[me] = 1 :: else -> skip fi }; goto again
    :: else -> atomic { if :: same -> queued[me] = 1 :: else -> skip fi }
    fi;
    atomic { if :: same -> asleep[me] = 1 :: else -> skip fi };                          /* futex_wait */
    do
    :: !asleep[me] -> break
    :: asleep[me] && deaths < DEATHS -> goto die
    :: asleep[me] && leaves < LEAVES -> leaves++; asleep[me] = 0; goto leave
    od;
    goto again;
leave:
    may_die();
    atomic { ticket[me] = 0; queued[me] = 0 };
    may_die();
#ifndef BUG_LEAVES_QUIETLY
    call_next();
#endif
    goto over_round;
taken:
    may_die();
    ticket[me] = 0;
critical:
    atomic { inside++; assert(inside == 1); assert(!half_done || tainted) };
    may_die();
    if
    :: tainted -> if :: atomic { P = 0; half_done = 0 } :: skip fi                        /* clear_poison, or not */
    :: else
    fi;
    may_die();
    atomic { inside--; look() };
unlock:
    may_die();
#ifdef BUG_UNLOCK_FREES_IT_FOR_ALL
    atomic { assert(owner == me); if :: same -> owner = 0; W = 0 :: else -> look(); goto unlock fi };
#else
    atomic { assert(owner == me); if :: same -> owner = 0 :: else -> look(); goto unlock fi };
#endif
    may_die();
    if :: w -> call_next() :: else fi;
over_round: skip
  od;
  goto over;
die:
  atomic {
    dead[me] = 1; deaths++; unswept++; asleep[me] = 0; queued[me] = 0;
    if :: owner == me && inside > 0 -> inside--; half_done = 1 :: else -> skip fi
  };
over: skip
}

/* participant_died. A sweeper that dies leaves the death unswept: the next one begins again. */
active proctype Sweeper() {
  byte o; byte who; bool again = 1;
end:
  do
  :: unswept > 0 ->
     who = 1;
     do
     :: who <= 3 -> if :: dead[who] -> ticket[who] = 0 :: else fi; who++
     :: else -> break
     od;
     who = 0;
     o = owner;
     if
     :: o != 0 && dead[o] -> atomic { if :: owner == o -> owner = 0; W = 0; P = 1; turn = 0 :: else -> skip fi }
     :: else
     fi;
     o = 0;
     if :: again -> again = 0; goto end :: skip fi;
#ifndef BUG_SWEEPER_KEEPS_THE_TURN
     atomic { if :: owner == 0 && W -> turns++; turn = turns :: else -> skip fi };
#endif
#ifdef BUG_SWEEPER_WAKES_NOBODY
     atomic { unswept-- }
#else
     atomic { unswept--; wake_all() }
#endif
  od
}

init {
  atomic {
    run Participant(1); run Participant(2);
    if :: N == 3 -> run Participant(3) :: else fi
  }
}
