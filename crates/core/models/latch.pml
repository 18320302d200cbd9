/* The latch of src/latch.rs: kill -9 at every step, a sweeper that may die itself, time-outs of the waits.
   Sequentially consistent: memory orderings are loom's task (tests/loom.rs).

   The state is (left, W, BROKEN); 0 left is open. Every `atomic` below is one load, one compare-exchange or one futex
   call of the source. Three workers count down once each and then wait. No reset: the epoch stands for it.

   COUNTS           the dead count as if they had counted
   DEATHS, LEAVES   how many may die; how many waits may end by time-out or abort
   BUG_...          one line changed: each must be found                                                             */
#define N 3
#ifndef DEATHS
#define DEATHS 0
#endif
#ifndef LEAVES
#define LEAVES 0
#endif
#define NOTHING 0
#define COUNTING 1
#define COUNTED 2

byte left = N; bool W = 0; bool BROKEN = 0;
byte entry[N + 1]; bool asleep[N + 1]; bool unswept[N + 1];
byte deaths = 0; byte leaves = 0;
bool counts[N + 1]; bool told_open = 0; bool told_broken = 0;                 /* ghosts */

inline may_die() { if :: deaths < DEATHS -> goto die :: skip fi }
inline wake_all() { asleep[1] = 0; asleep[2] = 0; asleep[3] = 0 }

proctype Worker(byte me) {
  byte l; bool w; bool b; bool had;
  may_die();
#ifdef BUG_COUNTS_BEFORE_IT_SAYS_SO
  atomic { if :: !BROKEN && left > 0 -> left--; counts[me] = 1; had = (W && left == 0); if :: left == 0 -> W = 0 :: else fi :: else skip fi };
  may_die();
#else
  entry[me] = COUNTING;
  may_die();
  atomic { if :: !BROKEN && left > 0 -> left--; counts[me] = 1; had = (W && left == 0); if :: left == 0 -> W = 0 :: else fi :: else skip fi };
  may_die();
#endif
#ifndef BUG_OPENS_WITHOUT_A_WAKE
  if :: had -> atomic { wake_all() } :: else fi;
#endif
  entry[me] = COUNTED;
again:
  may_die();
  atomic { l = left; w = W; b = BROKEN };
  if
  :: b -> atomic { told_broken = 1; assert(!told_open) }; goto over
  :: !b && l == 0 -> atomic { told_open = 1; assert(counts[1] && counts[2] && counts[3] && !told_broken) }; goto over
  :: else
  fi;
  if :: leaves < LEAVES -> leaves++; goto over :: skip fi;
  if
  :: !w -> atomic { if :: left == l && !W && !BROKEN -> W = 1 :: else -> skip fi }; goto again
  :: else
  fi;
  may_die();
  /* The futex is the upper half: what is left to count does not end the sleep, opening does. */
  atomic { if :: left > 0 && W && !BROKEN -> asleep[me] = 1 :: else -> skip fi };
  do
  :: !asleep[me] -> break
  :: asleep[me] && deaths < DEATHS -> goto die
  od;
  goto again;
die:
  atomic { deaths++; unswept[me] = 1; asleep[me] = 0 };
over: skip
}

/* participant_died */
active proctype Sweeper() {
  byte who; byte e; bool again = 1;
end:
  do
  :: unswept[1] || unswept[2] || unswept[3] ->
     if :: unswept[1] -> who = 1 :: unswept[2] -> who = 2 :: unswept[3] -> who = 3 fi;
     e = entry[who];
     if
     :: e == COUNTED -> skip
#ifdef COUNTS
#ifdef BUG_COUNTS_WHO_IS_COUNTING
     :: e == COUNTING ->
        atomic { if :: !BROKEN && left > 0 -> left--; counts[who] = 1; if :: left == 0 -> W = 0 :: else fi :: else skip fi }
#else
     :: e == COUNTING -> atomic { if :: left > 0 -> BROKEN = 1; W = 0 :: else -> skip fi }
#endif
     :: e == NOTHING ->
        entry[who] = COUNTING;
        if :: again -> again = 0; goto end :: skip fi;
        atomic { if :: !BROKEN && left > 0 -> left--; counts[who] = 1; if :: left == 0 -> W = 0 :: else fi :: else skip fi };
        if :: again -> again = 0; goto end :: skip fi;
        entry[who] = COUNTED
#else
#ifdef BUG_DEATH_BREAKS_NOTHING
     :: else -> skip
#else
     :: else -> atomic { if :: left > 0 -> BROKEN = 1; W = 0 :: else -> skip fi }
#endif
#endif
     fi;
     if :: again -> again = 0; goto end :: skip fi;
     atomic { unswept[who] = 0; wake_all(); e = 0; who = 0 }
  od
}

init { atomic { run Worker(1); run Worker(2); run Worker(3) } }
