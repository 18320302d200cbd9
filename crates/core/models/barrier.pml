/* The barrier of src/barrier.rs: kill -9 at every step, time-outs, breaks, reset with its epoch, the sweeper.
   Sequentially consistent: memory orderings are loom's task (tests/loom.rs).

   The state is one word (epoch, gen, broken, count), so each `atomic` below is one load, one compare-exchange or one
   futex call of the source.

   DEATHS, LEAVES   how many may die; how many waits may end by time-out or abort
   RESETS           how many resets somebody calls, at any moment
   BREAKS           how many breaks somebody calls, at any moment
   NAMED            nobody is enrolled at the start; a party that dies before its first arrival in an epoch is not known
                    to be one, so that it does not die then (its peers would wait: a run's end frees them)
   BUG_...          one line changed: each must be found                                                             */
#define N 3
#ifndef ROUNDS
#define ROUNDS 2
#endif
#ifndef DEATHS
#define DEATHS 0
#endif
#ifndef LEAVES
#define LEAVES 0
#endif
#ifndef RESETS
#define RESETS 0
#endif
#ifndef BREAKS
#define BREAKS 0
#endif
#define GENS 8

byte epoch = 0; byte gen = 1; bool broken = 0; byte count = 0;
byte slept = 0;                       /* the latest generation somebody went to sleep in */
bool asleep[N + 1]; bool enrolled[N + 1]; byte home[N + 1];      /* the epoch a slot belongs to */
#ifndef NAMED
#define KNOWN true                    /* the run's barrier: renew enrols the workers */
#else
#define KNOWN (enrolled[me] && home[me] == epoch)    /* a named one: a party is known from its first arrival on */
#endif
bool dead[N + 1]; bool unswept[N + 1];
byte deaths = 0; byte leaves = 0; byte gone = 0;
byte came[GENS];                      /* ghost: arrivals in each generation */
bool passed[GENS]; bool failed[GENS]; /* ghost: what somebody was told about it */

inline may_die() { if :: deaths < DEATHS && KNOWN -> goto die :: skip fi }
inline wake_all() { asleep[1] = 0; asleep[2] = 0; asleep[3] = 0 }
/* wake_if_awaited: `had` is the count that the break or reset found */
inline wake_awaited() { if :: had > 0 -> atomic { wake_all() } :: else fi }
inline enrol() { enrolled[me] = 1; home[me] = e }
inline look() { e = epoch; g = gen; b = broken; c = count }
/* Ticket::outcome: 0 still on, 1 passed, 2 broken */
inline outcome() {
  atomic {
    if
#ifndef BUG_NO_EPOCH
    :: epoch != e -> told = 2
#ifdef BUG_BROKEN_FIRST
    :: epoch == e && broken -> told = 2
    :: epoch == e && !broken && gen != g -> told = 1
#else
    :: epoch == e && gen != g -> told = 1
    :: epoch == e && gen == g && broken -> told = 2
#endif
#else
    :: gen != g -> told = 1
    :: gen == g && broken -> told = 2
#endif
    :: else -> told = 0
    fi
  }
}

proctype Party(byte me) {
  byte e; byte g; bool b; byte c; byte s; byte told; byte had; byte round = 0;
  do
  :: round == ROUNDS -> break
  :: else ->
    atomic { look() };
arrive:
    may_die();
    if :: b -> goto over :: else fi;
#ifndef BUG_ENROLS_LATE
    atomic { enrol() };
#endif
    atomic {
      if
      :: epoch == e && gen == g && !broken && count == c ->
         came[g]++; c++;
         if :: c == N -> gen = g + 1; count = 0 :: else -> count = c fi
      :: else -> look(); goto arrive
      fi
    };
#ifdef BUG_ENROLS_LATE
    if :: deaths < DEATHS -> goto die :: skip fi;
    atomic { enrol() };
#endif
    may_die();
    if
    :: c == N ->
       s = slept;
       may_die();
       if
#ifdef BUG_WAKES_ITS_OWN_ROUND
       :: s == g -> atomic { wake_all() }
#else
       :: s >= g -> atomic { wake_all() }        /* a sleeper of the next round may stand over one of this round */
#endif
       :: else
       fi;
       told = 1
    :: else ->
waits: outcome();
       if :: told != 0 -> goto told_so :: else fi;
note:  may_die();
       s = slept;
       if
       :: s != g ->
#ifdef BUG_NOTES_LATE
          slept = g
#else
          outcome();
          if :: told != 0 -> goto told_so :: else fi;
          may_die();
          atomic { if :: slept == s -> slept = g :: else -> goto note fi }
#endif
       :: else
       fi;
       may_die();
       atomic { if :: gen == g && !broken -> asleep[me] = 1 :: else -> skip fi };       /* futex_wait */
       do
       :: !asleep[me] -> break
       :: asleep[me] && deaths < DEATHS -> goto die
       :: asleep[me] && leaves < LEAVES -> leaves++; asleep[me] = 0; goto leave
       od;
       goto waits
    fi;
told_so:
    atomic {
      if
      :: told == 1 -> passed[g] = 1; assert(came[g] == N)
      :: told == 2 && epoch == e -> failed[g] = 1
      :: else -> skip     /* thrown out by a reset: also one that had not noticed yet that its round was complete */
      fi;
      assert(!(passed[g] && failed[g]))
    };
    if :: told == 2 -> goto over :: else fi;
    round++;
    goto next;
leave:
    may_die();
    atomic {                                                                           /* break_if: this round only */
      if :: epoch == e && gen == g && !broken -> broken = 1; had = count :: else -> had = 0 fi
    };
    may_die();
    wake_awaited();
    outcome();
    goto told_so;
next: skip
  od;
  goto over;
die:
  atomic { dead[me] = 1; deaths++; unswept[me] = 1; asleep[me] = 0 };
over:
  /* Leaves its task: breaks the barrier for those who wait in it (Barrier::break_epoch). */
  atomic { if :: !dead[me] && !broken -> broken = 1; had = count :: else -> had = 0 fi; gone++ };
  wake_awaited()
}

/* slot_died: a member's death breaks the barrier; all are woken in any case. */
active proctype Sweeper() {
  byte who;
end:
  do
  :: unswept[1] || unswept[2] || unswept[3] ->
     if :: unswept[1] -> who = 1 :: unswept[2] -> who = 2 :: unswept[3] -> who = 3 fi;
#ifndef BUG_DEATH_BREAKS_NOTHING
     atomic { if :: enrolled[who] && home[who] == epoch -> broken = 1 :: else -> skip fi };
#endif
     atomic { unswept[who] = 0; wake_all() }
  od
}

active proctype Meddler() {
  byte breaks = 0; byte resets = 0; byte had;
  do
  :: breaks < BREAKS -> breaks++;
     atomic { if :: !broken -> broken = 1; had = count :: else -> had = 0 fi };
     wake_awaited()
  :: resets < RESETS -> resets++;
     atomic { had = count; epoch++; gen++; count = 0; broken = 0 };
     wake_awaited()
  :: break
  od;
#if RESETS > 0
  /* A reset after a party has left makes the barrier sound for one that nobody will come for: the run's end frees it. */
end:
  atomic { gone > 0 -> broken = 1; had = count };
  wake_awaited()
#endif
}

init { atomic {
#ifndef NAMED
  enrolled[1] = 1; enrolled[2] = 1; enrolled[3] = 1;
#endif
  run Party(1); run Party(2); run Party(3) } }
