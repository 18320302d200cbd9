/* The event of src/event.rs: kill -9 at every step, time-outs, a sweeper that wakes after each death.
   Sequentially consistent: memory orderings are loom's task (tests/loom.rs).

   The word is (gen, SET, W). Every `atomic` below is one load, one compare-exchange or one futex call of the source. Two
   wait once each; somebody sets the event until both have passed or are gone: always when it is not set, so that an event
   that went with a dead one is made good.

   AUTO             it resets itself
   DEATHS, LEAVES   how many may die; how many waits may end by time-out or abort
   BUG_...          one line changed: each must be found                                                             */
#define N 2
#ifndef DEATHS
#define DEATHS 0
#endif
#ifndef LEAVES
#define LEAVES 0
#endif

byte gen = 0; bool SET = 0; bool W = 0;
bool asleep[N + 1]; bool began[N + 1];
byte deaths = 0; byte leaves = 0; byte unswept = 0; byte over = 0;
byte sets = 0; byte passed = 0;                                             /* ghosts */

inline may_die() { if :: deaths < DEATHS -> goto die :: skip fi }
inline wake_all() { asleep[1] = 0; asleep[2] = 0 }
inline wake_one() { if :: asleep[1] -> asleep[1] = 0 :: asleep[2] -> asleep[2] = 0 :: else -> skip fi }

proctype Waiter(byte me) {
  byte since; byte g; bool s; bool w; bool slept;
  atomic { since = gen; began[me] = 1 };
  may_die();
again:
  atomic { g = gen; s = SET; w = W };
  may_die();
  if
#ifdef AUTO
  :: s ->
#ifdef BUG_FORGETS_WAITERS
     atomic { if :: gen == g && SET && W == w -> SET = 0; W = w; passed++; goto done :: else -> goto again fi }
#else
     atomic { if :: gen == g && SET && W == w -> SET = 0; W = (w || slept); passed++; goto done :: else -> goto again fi }
#endif
  :: !s ->
#else
#ifdef BUG_ASKS_ONLY_WHETHER_IT_IS_SET
  :: s -> goto done
  :: !s ->
#else
  :: s || g != since -> goto done
  :: !s && g == since ->
#endif
#endif
     if :: leaves < LEAVES -> leaves++; goto leave :: skip fi;
     if
     :: !w -> atomic { if :: gen == g && SET == s && !W -> W = 1 :: else -> skip fi }; goto again
     :: else
     fi;
     may_die();
     atomic { if :: gen == g && SET == s && W -> asleep[me] = 1 :: else -> skip fi };
     do
     :: !asleep[me] -> break
     :: asleep[me] && deaths < DEATHS -> goto die
     od;
     slept = 1;
     goto again
  fi;
leave:
#ifndef BUG_KEEPS_THE_WAKE
  if :: slept -> atomic { wake_one() } :: else fi;
#endif
done:
  over++;
  goto end_;
die:
  atomic { deaths++; unswept++; asleep[me] = 0; over++ };
end_: skip
}

/* Sets it, and resets it at once where it does not do so itself. */
proctype Setter() {
  bool w;
  do
  :: over == N -> break
#ifdef AUTO
  :: over < N && !SET && sets < 3 ->
#else
  :: over < N && !SET && sets < 1 ->
#endif
     atomic { sets++; w = W; gen++; SET = 1; W = 0 };
     if
#if defined(AUTO)
     :: w -> atomic { wake_one() }
#else
     :: w -> atomic { wake_all() }
#endif
     :: else
     fi;
#ifndef AUTO
     SET = 0
#endif
  od
}

active proctype Sweeper() {
end:
  do
  :: unswept > 0 -> atomic { unswept--; wake_all() }
  od
}

init {
  atomic { run Waiter(1); run Waiter(2) };
#ifndef AUTO
  /* Both wait already: they know the generation before. */
  (began[1] && began[2]);
#endif
  run Setter();
  (over == N);
  assert(passed <= sets)
}
