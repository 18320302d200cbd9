/* The reader-writer lock of src/rwlock.rs: kill -9 at every step, a sweeper that may die itself, sleeping on both words.
   Sequentially consistent: memory orderings are loom's task (tests/loom.rs).

   The writers' word is (owner, W, P), as in mutex.pml; `drain` is (seq, DW). Every `atomic` below is one load, one
   compare-exchange or one futex call of the source. Everybody recovers a poisoned lock, and clears it by writing.

   DEATHS, ROUNDS   how many may die; how often each takes the lock, to read or to write
   LEAVES           how many waits may end by time-out or abort
   BUG_...          one line changed: each must be found                                                             */
#define N 3
#ifndef ROUNDS
#define ROUNDS 1
#endif
#ifndef DEATHS
#define DEATHS 0
#endif
#ifndef LEAVES
#define LEAVES 0
#endif

byte owner = 0; bool W = 0; bool P = 0; byte entered = 0;
byte seq = 0; bool DW = 0;
bool rd[N + 1]; bool en[N + 1];           /* an entry: it reads; it is on its way in */
bool at_word[N + 1]; bool at_drain[N + 1]; bool dead[N + 1]; bool unswept[N + 1];
byte deaths = 0; byte leaves = 0;
byte readers = 0; byte writers = 0; bool in[N + 1]; bool half_done = 0;     /* ghosts */

inline may_die() { if :: deaths < DEATHS -> goto die :: skip fi }
inline wake_word() { at_word[1] = 0; at_word[2] = 0; at_word[3] = 0 }
inline wake_drain() { at_drain[1] = 0; at_drain[2] = 0; at_drain[3] = 0 }
/* tell_the_writer */
inline tell() {
  if
  :: DW -> may_die(); atomic { if :: DW -> DW = 0; seq++ :: else -> skip fi }; may_die(); atomic { wake_drain() }
  :: else
  fi
}
/* release_dead_writer */
inline release(who) {
  atomic { if :: owner == who -> P = (P || entered == who); owner = 0; W = 0 :: else -> skip fi }
}
/* a writer takes the entry of a dead reader away, and looks again */
#ifndef BUG_DEAD_READER_STAYS
#define clear(who) atomic { if :: (rd[who] || en[who]) && dead[who] -> rd[who] = 0; en[who] = 0; goto drain :: else -> skip fi }
#else
#define clear(who) skip
#endif
/* unlock_writers, after which all who sleep at the word are woken */
inline unlock() {
  atomic { assert(owner == me); had = W; owner = 0; W = 0 };
  may_die();
#ifdef BUG_UNLOCK_WAKES_ONE
  if :: had -> atomic { if :: at_word[1] -> at_word[1] = 0 :: at_word[2] -> at_word[2] = 0 :: at_word[3] -> at_word[3] = 0
                           :: else -> skip fi } :: else fi
#else
  if :: had -> atomic { wake_word() } :: else fi
#endif
}

proctype Participant(byte me) {
  byte o; bool w; byte q; bool d; bool had; bool slept; bool writes; bool busy; byte round = 0;
  do
  :: round == ROUNDS -> break
  :: else ->
    round++; slept = 0;
    if :: me != 2 -> writes = 1 :: me != 1 -> writes = 0 fi;           /* 1 writes, 2 reads, 3 does either */
look:
    may_die();
    atomic { o = owner; w = W };
    if
    :: o != 0 && dead[o] -> release(o); may_die(); atomic { wake_word() }; goto look
    :: o != 0 && !dead[o] ->
       if :: slept && leaves < LEAVES -> leaves++; goto left :: skip fi;
       if
       :: !w -> atomic { if :: owner == o && !W -> W = 1 :: else -> skip fi }; goto look
       :: else
       fi;
       atomic { if :: owner == o && W -> at_word[me] = 1 :: else -> skip fi };
       do
       :: !at_word[me] -> break
       :: at_word[me] && deaths < DEATHS -> goto die
       od;
       slept = 1; goto look
    :: o == 0 && writes ->
       atomic { if :: owner == 0 && W == w -> owner = me; W = (w || slept) :: else -> goto look fi };
       goto drain
    :: else
    fi;
#ifdef BUG_READER_LOOKS_FIRST
    atomic { rd[me] = 1 };
#else
    en[me] = 1;
    may_die();
    o = owner;
    may_die();
    if
    :: o != 0 ->
       en[me] = 0;
#ifndef BUG_LATE_READER_TELLS_NOBODY
       tell();
#endif
       goto look
    :: else
    fi;
    atomic { en[me] = 0; rd[me] = 1 };
#endif
    atomic { assert(writers == 0); assert(!half_done || P); readers++; in[me] = 1 };
    may_die();
    atomic { readers--; in[me] = 0 };
    rd[me] = 0;
    tell();
    goto next;

drain:
    may_die();
    atomic { q = seq; d = DW };
scan:
    busy = (rd[1] || en[1]);
    busy = (busy || rd[2] || en[2]);
    busy = (busy || rd[3] || en[3]);
    if
    :: !busy -> goto inside
    :: else
    fi;
    clear(1); clear(2); clear(3);
    if :: leaves < LEAVES -> leaves++; may_die(); unlock(); goto next :: skip fi;
    if
    :: !d ->
       may_die();
       atomic { if :: seq == q && !DW -> DW = 1; d = 1 :: else -> goto drain fi };
#ifndef BUG_SLEEPS_WITHOUT_A_LOOK
       goto scan
#endif
    :: else
    fi;
    may_die();
    atomic { if :: seq == q && DW -> at_drain[me] = 1 :: else -> skip fi };
    do
    :: !at_drain[me] -> break
    :: at_drain[me] && deaths < DEATHS -> goto die
    od;
    goto drain;

inside:
    may_die();
    entered = me;
    atomic { assert(readers == 0 && writers == 0); assert(!half_done || P); writers++; in[me] = 1 };
    may_die();
    atomic { P = 0; half_done = 0 };
    may_die();
    atomic { writers--; in[me] = 0 };
    entered = 0;
    may_die();
    unlock();
    goto next;
left:
    if :: writes -> may_die(); atomic { if :: at_word[1] -> at_word[1] = 0 :: at_word[2] -> at_word[2] = 0
                                           :: at_word[3] -> at_word[3] = 0 :: else -> skip fi } :: else fi;
next:
    atomic { o = 0; w = 0; q = 0; d = 0; had = 0; busy = 0 }
  od;
  goto over;
die:
  atomic {
    dead[me] = 1; deaths++; unswept[me] = 1; at_word[me] = 0; at_drain[me] = 0;
    if
    :: in[me] && owner == me -> writers--; half_done = 1
    :: in[me] && owner != me -> readers--
    :: else -> skip
    fi;
    in[me] = 0
  };
over: skip
}

/* participant_died; one that dies itself begins again */
active proctype Sweeper() {
  byte who; bool again = 1;
end:
  do
  :: unswept[1] || unswept[2] || unswept[3] ->
     if :: unswept[1] -> who = 1 :: unswept[2] -> who = 2 :: unswept[3] -> who = 3 fi;
#ifndef BUG_DEAD_READER_STAYS
     atomic { rd[who] = 0; en[who] = 0 };
#endif
     if :: again -> again = 0; goto end :: skip fi;
     release(who);
     if :: again -> again = 0; goto end :: skip fi;
     atomic { if :: DW -> DW = 0; seq++ :: else -> skip fi };
     atomic { unswept[who] = 0; wake_word(); wake_drain() }
  od
}

init { atomic { run Participant(1); run Participant(2); run Participant(3) } }
