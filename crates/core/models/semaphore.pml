/* The owned semaphore of src/semaphore.rs: kill -9 at every step, notes carried out by whoever comes next, a sweeper that
   may die itself. Sequentially consistent: memory orderings are loom's task (tests/loom.rs).

   The shared word is (free, W, note); the note is (slot, number, what the slot holds then). Every `atomic` below is one
   load, one compare-exchange or one futex call of the source. Process 1 wants two permits at once, the others one.
   The numbers do not wrap here: that a note of long ago is never carried out is left to the source's second look.

   N                how many take part, at most 3
   DEATHS, ROUNDS   how many may die; how often each takes and gives back
   LEAVES           how many waits may end by time-out or abort
   BUG_...          one line changed: each must be found                                                             */
#ifndef N
#define N 3
#endif
#define PERMITS 2
#ifndef ROUNDS
#define ROUNDS 1
#endif
#ifndef DEATHS
#define DEATHS 0
#endif
#ifndef LEAVES
#define LEAVES 0
#endif

byte free = PERMITS; bool W = 0; byte slot = 0; byte number = 0; byte holds = 0;
byte num[4]; byte held[4];
bool asleep[4]; bool unswept[4];
byte deaths = 0; byte leaves = 0; byte over = 0;
byte used = 0; byte using[4];                       /* ghosts: permits that live processes were told they have */

#define wants (me == 1 -> 2 : 1)
#define same (free == f && W == w && slot == s && number == n && holds == h)
inline may_die() { if :: me <= N && deaths < DEATHS -> goto die :: skip fi }
inline look() { f = free; w = W; s = slot; n = number; h = holds }
inline wake_all() { asleep[1] = 0; asleep[2] = 0; asleep[3] = 0 }
/* settle: carries out the note of the state that was looked at, if nobody has */
inline settle() {
  if
  :: s != 0 ->
     atomic { en = num[s]; eh = held[s] };
     may_die();
     if
#ifdef BUG_CARRIES_OUT_TWICE
     :: true ->
#else
     :: en + 1 == n ->
#endif
        atomic { if :: num[s] == en && held[s] == eh -> num[s] = n; held[s] = h :: else -> skip fi };
        may_die()
     :: else
     fi
  :: else
  fi
}
/* change, up to its exchange */
inline prepare(who) {
#ifndef BUG_LEAVES_THE_NOTE_BEFORE
  settle();
#endif
  atomic { on = num[who]; oh = held[who] };
  may_die()
}

proctype Participant(byte me) {
  byte f; bool w; byte s; byte n; byte h; byte en; byte eh; byte on; byte oh; byte round = 0;
  do
  :: round == ROUNDS -> break
  :: else ->
    round++;
take:
    may_die();
    atomic { look() };
    if
    :: f < wants ->
       if :: leaves < LEAVES -> leaves++; goto next :: skip fi;
       if
       :: !w -> atomic { if :: same -> W = 1 :: else -> skip fi }; goto take
       :: else
       fi;
       atomic { if :: same -> asleep[me] = 1 :: else -> skip fi };                       /* futex_wait */
       do
       :: !asleep[me] -> break
       :: asleep[me] && deaths < DEATHS -> goto die
       od;
       goto take
    :: else
    fi;
    prepare(me);
    atomic {
      if
      :: same -> free = f - wants; slot = me; number = on + 1; holds = oh + wants;
                 used = used + wants; using[me] = wants; assert(used <= PERMITS); look()
      :: else -> goto take
      fi
    };
    settle();
    may_die();
give:
    atomic { look() };
    prepare(me);
    if
    :: oh < wants -> atomic { if :: same -> assert(false) :: else -> goto give fi }      /* it has them, and is told no */
    :: else
    fi;
    atomic {
      if
      :: same -> free = f + wants; slot = me; number = on + 1; holds = oh - wants; W = 0;
                 used = used - wants; using[me] = 0; h = w
      :: else -> goto give
      fi
    };
    may_die();
    if
#ifdef BUG_WAKES_ONE
    :: h -> atomic { if :: asleep[1] -> asleep[1] = 0 :: asleep[2] -> asleep[2] = 0 :: asleep[3] -> asleep[3] = 0
                        :: else -> skip fi }
#else
    :: h -> atomic { wake_all() }
#endif
    :: else
    fi;
    atomic { look() };
    settle();
next:
    atomic { f = 0; w = 0; s = 0; n = 0; h = 0; en = 0; eh = 0; on = 0; oh = 0 }
  od;
  over++;
  goto end_;
die:
  atomic { deaths++; unswept[me] = 1; asleep[me] = 0; used = used - using[me]; using[me] = 0; over++ };
end_: skip
}

/* participant_died; one that dies itself begins again. Number 9: nobody kills it in between otherwise. */
active proctype Sweeper() {
  byte me = 9; byte who; byte f; bool w; byte s; byte n; byte h; byte en; byte eh; byte on; byte oh; bool again = 1;
end:
  do
  :: unswept[1] || unswept[2] || unswept[3] ->
     if :: unswept[1] -> who = 1 :: unswept[2] -> who = 2 :: unswept[3] -> who = 3 fi;
redo:
     atomic { look() };
#ifndef BUG_SWEEPER_READS_AN_OLD_ENTRY
     settle();
#endif
     atomic { on = num[who]; oh = held[who] };
     if
     :: oh > 0 ->
        atomic { if :: same -> free = f + oh; slot = who; number = on + 1; holds = 0; look() :: else -> goto redo fi };
        if :: again -> again = 0; goto end :: skip fi;
        settle()
     :: else
     fi;
     if :: again -> again = 0; goto end :: skip fi;
     atomic { unswept[who] = 0; wake_all(); f = 0; w = 0; s = 0; n = 0; h = 0; en = 0; eh = 0; on = 0; oh = 0; who = 0 }
  od;
die: skip
}

init {
  atomic { run Participant(1); run Participant(2); if :: N > 2 -> run Participant(3) :: else fi };
  atomic { (over == N && !unswept[1] && !unswept[2] && !unswept[3]) -> assert(used == 0) };
  /* What is free, and what the last note still has to say. */
  assert(free == PERMITS);
  assert((slot == 1 || held[1] == 0) && (slot == 2 || held[2] == 0) && (slot == 3 || held[3] == 0))
}
