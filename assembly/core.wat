(module
 (type $0 (func (param i32) (result i32)))
 (type $1 (func (param i32)))
 (type $2 (func (param i32) (result f64)))
 (type $3 (func (param i32 i32)))
 (type $4 (func (param i32 i32) (result i32)))
 (type $5 (func (param i32 f64 i32) (result i32)))
 (type $6 (func (param i32 i32) (result f64)))
 (type $7 (func (param i32 f64) (result i32)))
 (type $8 (func (param i32 i32 i32) (result i32)))
 (type $9 (func (param i32 i32 i64)))
 (type $10 (func (param i32 i32 i32 i32 i64) (result i32)))
 (type $11 (func (param i32 i64 i64 i64)))
 (type $12 (func (param i32 i32 f64) (result i32)))
 (type $13 (func (param i32 f64) (result f64)))
 (type $14 (func (param i64 i64 i64) (result i64)))
 (type $15 (func (param i32 f64 i32 i32) (result i32)))
 (type $16 (func (param i32 i32 i32) (result f64)))
 (type $17 (func (param i32 f64 i32) (result f64)))
 (type $18 (func (param i32 i32 i64) (result i64)))
 (import "env" "memory" (memory $0 1 65536 shared))
 (export "consumerArm" (func $assembly/consumers/consumerArm))
 (export "consumerDisarm" (func $assembly/consumers/consumerDisarm))
 (export "consumerReap" (func $assembly/consumers/consumerReap))
 (export "consumerRegister" (func $assembly/consumers/consumerRegister))
 (export "consumerUnregister" (func $assembly/consumers/consumerUnregister))
 (export "consumerWakeCount" (func $assembly/consumers/consumerWakeCount))
 (export "controlBind" (func $assembly/control/controlBind))
 (export "controlCreate" (func $assembly/control/controlCreate))
 (export "controlLayout" (func $assembly/control/controlLayout))
 (export "controlPublish" (func $assembly/control/controlPublish))
 (export "controlValidate" (func $assembly/control/controlValidate))
 (export "reliableAdvance" (func $assembly/reliable-cursor/reliableAdvance))
 (export "reliableJoin" (func $assembly/reliable-cursor/reliableJoin))
 (export "reliableNext" (func $assembly/reliable-cursor/reliableNext))
 (export "reliablePin" (func $assembly/reliable-cursor/reliablePin))
 (export "reliableSkip" (func $assembly/reliable-cursor/reliableSkip))
 (export "reliableTimes" (func $assembly/reliable-cursor/reliableTimes))
 (export "chooseGeometry" (func $assembly/history/chooseGeometry))
 (export "readerCopyBegin" (func $assembly/reader/readerCopyBegin))
 (export "readerCopyEnd" (func $assembly/reader/readerCopyEnd))
 (export "readerHold" (func $assembly/reader/readerHold))
 (export "readerIntact" (func $assembly/reader/readerIntact))
 (export "readerLatest" (func $assembly/reader/readerLatest))
 (export "readerNewest" (func $assembly/reader/readerNewest))
 (export "readerPin" (func $assembly/reader/readerPin))
 (export "readerRest" (func $assembly/reader/readerRest))
 (export "readerSpin" (func $assembly/reader/readerSpin))
 (export "readerUnhold" (func $assembly/reader/readerUnhold))
 (export "readerUnpin" (func $assembly/reader/readerUnpin))
 (export "readerUnpinTo" (func $assembly/reader/readerUnpinTo))
 (export "writerBegin" (func $assembly/writer/writerBegin))
 (export "writerBlocker" (func $assembly/writer/writerBlocker))
 (export "writerClose" (func $assembly/writer/writerClose))
 (export "writerCommit" (func $assembly/writer/writerCommit))
 (export "writerCountOverrun" (func $assembly/writer/writerCountOverrun))
 (export "writerCountRefused" (func $assembly/writer/writerCountRefused))
 (export "writerCountWait" (func $assembly/writer/writerCountWait))
 (export "writerOpen" (func $assembly/writer/writerOpen))
 (export "writerOverruns" (func $assembly/writer/writerOverruns))
 (export "writerSequence" (func $assembly/writer/writerSequence))
 (export "writerSetWaiting" (func $assembly/writer/writerSetWaiting))
 (export "writerTakeArmed" (func $assembly/writer/writerTakeArmed))
 (export "xxh64" (func $assembly/xxh64/xxh64))
 (export "memory" (memory $0))
 (func $assembly/consumers/consumerArm (param $0 i32) (param $1 i32)
  block $assembly/handle/entryOf|inlined.0 (result i32)
   local.get $0
   i32.load offset=24
   br $assembly/handle/entryOf|inlined.0
  end
  local.get $1
  i32.atomic.store offset=24
  block $assembly/handle/controlOf|inlined.0 (result i32)
   local.get $0
   i32.load
   br $assembly/handle/controlOf|inlined.0
  end
  block $assembly/handle/entryBit|inlined.0 (result i64)
   i64.const 1
   local.get $0
   i64.load32_u offset=28
   i64.shl
   br $assembly/handle/entryBit|inlined.0
  end
  i64.atomic.rmw.or offset=256
  drop
 )
 (func $assembly/consumers/consumerDisarm (param $0 i32)
  block $assembly/handle/controlOf|inlined.1 (result i32)
   local.get $0
   i32.load
   br $assembly/handle/controlOf|inlined.1
  end
  block $assembly/handle/entryBit|inlined.1 (result i64)
   i64.const 1
   local.get $0
   i64.load32_u offset=28
   i64.shl
   br $assembly/handle/entryBit|inlined.1
  end
  i64.const -1
  i64.xor
  i64.atomic.rmw.and offset=256
  drop
 )
 (func $assembly/consumers/resetEntry (param $0 i32) (param $1 i32) (param $2 i64)
  local.get $0
  local.get $2
  i64.const -1
  i64.xor
  i64.atomic.rmw.and offset=320
  drop
  local.get $0
  local.get $2
  i64.const -1
  i64.xor
  i64.atomic.rmw.and offset=256
  drop
  local.get $1
  i64.const -1
  i64.atomic.store
  local.get $1
  i64.const -1
  i64.atomic.store offset=8
  local.get $1
  i64.const 0
  i64.store offset=32
  local.get $1
  i32.const 0
  i32.atomic.store offset=16
 )
 (func $assembly/consumers/consumerReap (param $0 i32) (param $1 i32) (result i32)
  block $assembly/handle/consumerCapacityOf|inlined.0 (result i32)
   local.get $0
   i32.load offset=12
   br $assembly/handle/consumerCapacityOf|inlined.0
  end
  local.get $1
  i32.le_u
  if
   i32.const -16
   return
  end
  block $assembly/handle/controlOf|inlined.2 (result i32)
   local.get $0
   i32.load
   br $assembly/handle/controlOf|inlined.2
  end
  block $assembly/handle/consumersOf|inlined.0 (result i32)
   local.get $0
   i32.load offset=8
   br $assembly/handle/consumersOf|inlined.0
  end
  i32.const 128
  local.get $1
  i32.mul
  i32.add
  i64.const 1
  local.get $1
  i64.extend_i32_u
  i64.shl
  call $assembly/consumers/resetEntry
  i32.const 0
  return
 )
 (func $assembly/consumers/consumerRegister (param $0 i32) (param $1 i32) (param $2 i32) (param $3 i32) (param $4 i64) (result i32)
  (local $5 i32)
  (local $6 i32)
  block $assembly/handle/consumerCapacityOf|inlined.1 (result i32)
   local.get $0
   i32.load offset=12
   br $assembly/handle/consumerCapacityOf|inlined.1
  end
  local.get $1
  i32.le_u
  if
   i32.const -16
   return
  end
  block $assembly/handle/controlOf|inlined.3 (result i32)
   local.get $0
   i32.load
   br $assembly/handle/controlOf|inlined.3
  end
  local.tee $6
  block $assembly/handle/consumersOf|inlined.1 (result i32)
   local.get $0
   i32.load offset=8
   br $assembly/handle/consumersOf|inlined.1
  end
  i32.const 128
  local.get $1
  i32.mul
  i32.add
  local.tee $5
  i64.const 1
  local.get $1
  i64.extend_i32_u
  i64.shl
  call $assembly/consumers/resetEntry
  local.get $0
  block $assembly/sync/takeWaiting|inlined.0 (result i32)
   local.get $6
   i32.atomic.load offset=328
   i32.eqz
   if
    i32.const 0
    br $assembly/sync/takeWaiting|inlined.0
   end
   local.get $6
   i32.const 0
   i32.atomic.rmw.xchg offset=328
   br $assembly/sync/takeWaiting|inlined.0
  end
  i32.store offset=112
  local.get $5
  local.get $2
  i32.store offset=28
  local.get $5
  local.get $3
  i32.store offset=20
  local.get $5
  i32.const 0
  i32.store offset=24
  local.get $5
  local.get $4
  i64.store offset=32
  local.get $5
  local.get $0
  i64.load offset=64
  i64.store offset=40
  local.get $5
  i64.const 0
  i64.store offset=64
  local.get $5
  i64.const 0
  i64.store offset=72
  local.get $5
  i64.const 0
  i64.store offset=80
  local.get $0
  local.get $5
  i32.store offset=24
  local.get $0
  local.get $1
  i32.store offset=28
  local.get $0
  i64.const -1
  i64.store offset=48
  local.get $0
  i64.const -1
  i64.store offset=56
  local.get $5
  i32.const 1
  i32.atomic.store offset=16
  i32.const 0
  return
 )
 (func $assembly/consumers/consumerUnregister (param $0 i32) (result i32)
  (local $1 i32)
  block $assembly/handle/controlOf|inlined.4 (result i32)
   local.get $0
   i32.load
   br $assembly/handle/controlOf|inlined.4
  end
  local.tee $1
  block $assembly/handle/entryOf|inlined.1 (result i32)
   local.get $0
   i32.load offset=24
   br $assembly/handle/entryOf|inlined.1
  end
  block $assembly/handle/entryBit|inlined.2 (result i64)
   i64.const 1
   local.get $0
   i64.load32_u offset=28
   i64.shl
   br $assembly/handle/entryBit|inlined.2
  end
  call $assembly/consumers/resetEntry
  local.get $0
  i32.const 0
  i32.store offset=24
  block $assembly/sync/takeWaiting|inlined.1 (result i32)
   local.get $1
   i32.atomic.load offset=328
   i32.eqz
   if
    i32.const 0
    br $assembly/sync/takeWaiting|inlined.1
   end
   local.get $1
   i32.const 0
   i32.atomic.rmw.xchg offset=328
   br $assembly/sync/takeWaiting|inlined.1
  end
  return
 )
 (func $assembly/consumers/consumerWakeCount (param $0 i32) (result i32)
  block $assembly/sync/loadWakeCount|inlined.0 (result i32)
   block $assembly/handle/controlOf|inlined.5 (result i32)
    local.get $0
    i32.load
    br $assembly/handle/controlOf|inlined.5
   end
   i32.atomic.load offset=264
   br $assembly/sync/loadWakeCount|inlined.0
  end
  return
 )
 (func $assembly/control/controlBind (param $0 i32) (param $1 i32)
  local.get $0
  local.get $1
  i32.store
  local.get $0
  i32.const 512
  local.get $1
  i32.add
  local.tee $1
  i32.store offset=8
  local.get $0
  i32.const 128
  local.get $0
  i32.load offset=12
  i32.mul
  local.get $1
  i32.add
  i32.store offset=4
  local.get $0
  i32.const 0
  i32.store offset=24
  local.get $0
  i64.const -1
  i64.store offset=48
  local.get $0
  i64.const -1
  i64.store offset=56
 )
 (func $assembly/control/controlCreate (param $0 i32) (param $1 i64) (param $2 i64) (param $3 i64)
  (local $4 i32)
  (local $5 i32)
  (local $6 i32)
  (local $7 i32)
  (local $8 i32)
  (local $9 i32)
  local.get $0
  i32.load offset=8
  local.set $5
  local.get $0
  i32.load offset=4
  local.set $8
  local.get $0
  i32.load offset=12
  local.set $6
  local.get $0
  i32.load offset=16
  local.set $7
  local.get $0
  i32.load
  local.tee $4
  block $assembly/control/word|inlined.0 (result i64)
   i32.const 1381191252
   i64.extend_i32_u
   i32.const 826495049
   i64.extend_i32_u
   i64.const 32
   i64.shl
   i64.or
   br $assembly/control/word|inlined.0
  end
  i64.store
  local.get $4
  i32.const 16909060
  i32.store offset=12
  local.get $4
  block $assembly/control/word|inlined.1 (result i64)
   i32.const 1906179161
   i64.extend_i32_u
   i32.const -947280655
   i64.extend_i32_u
   i64.const 32
   i64.shl
   i64.or
   br $assembly/control/word|inlined.1
  end
  i64.store offset=16
  local.get $4
  local.get $1
  i64.store offset=24
  local.get $4
  local.get $0
  i64.load offset=144
  i64.store offset=32
  local.get $4
  local.get $0
  i32.load offset=152
  i32.store offset=40
  local.get $4
  local.get $0
  i32.load offset=156
  i32.store offset=44
  local.get $4
  i32.const 512
  i32.store offset=48
  local.get $4
  local.get $6
  i32.store offset=52
  local.get $4
  i32.const 512
  i32.const 128
  local.get $6
  i32.mul
  i32.add
  i32.store offset=56
  local.get $4
  local.get $7
  i32.store offset=60
  local.get $4
  local.get $0
  i64.load offset=136
  i64.store offset=64
  local.get $4
  local.get $0
  i64.load offset=120
  i64.store offset=72
  local.get $4
  local.get $0
  i64.load offset=128
  i64.store offset=80
  local.get $4
  local.get $0
  i32.load offset=20
  i32.store offset=88
  local.get $4
  local.get $0
  i32.load offset=160
  i32.store offset=92
  local.get $4
  local.get $2
  i64.store offset=96
  local.get $4
  local.get $3
  i64.store offset=104
  i32.const 0
  local.set $0
  loop $for-loop|0
   local.get $6
   local.get $0
   i32.gt_u
   if
    i32.const 128
    local.get $0
    i32.mul
    local.get $5
    i32.add
    local.tee $9
    i64.const -1
    i64.store
    local.get $9
    i64.const -1
    i64.store offset=8
    local.get $0
    i32.const 1
    i32.add
    local.set $0
    br $for-loop|0
   end
  end
  i32.const 0
  local.set $0
  loop $for-loop|1
   local.get $7
   local.get $0
   i32.gt_u
   if
    i32.const 64
    local.get $0
    i32.mul
    local.get $8
    i32.add
    local.tee $5
    block $assembly/sync/stampDone|inlined.0 (result i64)
     local.get $0
     i64.extend_i32_u
     i64.const 1
     i64.shl
     i64.const 2
     i64.add
     br $assembly/sync/stampDone|inlined.0
    end
    i64.atomic.store
    local.get $5
    local.get $0
    i64.extend_i32_u
    i64.atomic.store offset=8
    local.get $0
    i32.const 1
    i32.add
    local.set $0
    br $for-loop|1
   end
  end
  local.get $4
  local.get $7
  i64.extend_i32_u
  i64.atomic.store offset=128
 )
 (func $assembly/history/isPageSize (param $0 i32) (result i32)
  (local $1 i32)
  block $assembly/history/within|inlined.4 (result i32)
   i32.const 2097152
   local.set $1
   i32.const 4096
   local.get $0
   i32.le_u
   if (result i32)
    local.get $0
    local.get $1
    i32.le_u
   else
    i32.const 0
   end
   br $assembly/history/within|inlined.4
  end
  if (result i32)
   local.get $0
   i32.const 1
   i32.sub
   local.get $0
   i32.and
  else
   i32.const 1
  end
  i32.eqz
  return
 )
 (func $assembly/control/controlLayout (param $0 i32) (result i32)
  (local $1 i64)
  (local $2 i32)
  (local $3 i32)
  (local $4 i32)
  (local $5 i64)
  (local $6 i32)
  (local $7 i32)
  (local $8 i32)
  (local $9 i64)
  local.get $0
  i32.load offset=16
  local.set $2
  local.get $0
  i32.load offset=20
  local.set $3
  local.get $0
  i32.load offset=156
  local.set $7
  local.get $0
  i32.load offset=160
  local.set $8
  local.get $0
  i64.load offset=128
  local.set $1
  local.get $0
  i64.load offset=120
  local.set $5
  block $assembly/history/within|inlined.0 (result i32)
   i32.const 64
   local.set $4
   local.get $0
   i32.load offset=12
   local.tee $6
   if (result i32)
    local.get $6
    local.get $4
    i32.le_u
   else
    i32.const 0
   end
   br $assembly/history/within|inlined.0
  end
  i32.eqz
  if
   i32.const -16
   return
  end
  block $assembly/history/within|inlined.1 (result i32)
   i32.const 2097152
   local.set $4
   local.get $2
   i32.const 2
   i32.ge_u
   if (result i32)
    local.get $2
    local.get $4
    i32.le_u
   else
    i32.const 0
   end
   br $assembly/history/within|inlined.1
  end
  i32.eqz
  if
   i32.const -16
   return
  end
  block $assembly/history/within|inlined.2 (result i32)
   i32.const 1048576
   local.set $4
   local.get $3
   if (result i32)
    local.get $3
    local.get $4
    i32.le_u
   else
    i32.const 0
   end
   br $assembly/history/within|inlined.2
  end
  if (result i32)
   local.get $2
   local.get $3
   i32.le_u
  else
   i32.const 1
  end
  if
   i32.const -16
   return
  end
  block $assembly/history/within|inlined.3 (result i32)
   i32.const 1048576
   local.set $3
   local.get $7
   i32.const 2
   i32.ge_u
   if (result i32)
    local.get $7
    local.get $3
    i32.le_u
   else
    i32.const 0
   end
   br $assembly/history/within|inlined.3
  end
  i32.eqz
  if
   i32.const -16
   return
  end
  local.get $8
  call $assembly/history/isPageSize
  i32.eqz
  if
   i32.const -16
   return
  end
  local.get $1
  i64.eqz
  if (result i32)
   i32.const 1
  else
   local.get $1
   local.get $5
   i64.gt_u
  end
  if (result i32)
   i32.const 1
  else
   i64.const 1
   i64.const 41
   i64.shl
   local.get $5
   i64.lt_u
  end
  if
   i32.const -16
   return
  end
  i64.const 1
  i64.const 52
  i64.shl
  local.get $2
  i64.extend_i32_u
  i64.div_u
  local.get $5
  i64.lt_u
  if
   i32.const -16
   return
  end
  block $assembly/history/alignUp|inlined.0 (result i64)
   local.get $8
   i64.extend_i32_u
   local.tee $1
   local.get $7
   i32.const 512
   i32.const 128
   local.get $6
   i32.mul
   i32.add
   i32.const 64
   local.get $2
   i32.mul
   i32.add
   local.tee $6
   i32.add
   i64.extend_i32_s
   i64.add
   i64.const 1
   i64.sub
   local.get $1
   i64.const 1
   i64.sub
   i64.const -1
   i64.xor
   i64.and
   br $assembly/history/alignUp|inlined.0
  end
  local.set $1
  local.get $0
  local.get $6
  i32.store offset=152
  local.get $0
  local.get $1
  i64.store offset=136
  local.get $0
  block $assembly/history/alignUp|inlined.1 (result i64)
   local.get $8
   i64.extend_i32_u
   local.tee $9
   local.get $5
   local.get $2
   i64.extend_i32_u
   i64.mul
   local.get $1
   i64.add
   i64.add
   i64.const 1
   i64.sub
   local.get $9
   i64.const 1
   i64.sub
   i64.const -1
   i64.xor
   i64.and
   br $assembly/history/alignUp|inlined.1
  end
  i64.store offset=144
  i32.const 0
  return
 )
 (func $assembly/control/controlPublish (param $0 i32)
  local.get $0
  i32.load
  i32.const 2
  i32.atomic.store offset=8
 )
 (func $assembly/control/controlValidate (param $0 i32) (param $1 i32) (param $2 f64) (result i32)
  (local $3 i32)
  (local $4 i64)
  local.get $1
  i32.load offset=8
  local.set $3
  block $assembly/control/word|inlined.2 (result i64)
   i32.const 1381191252
   i64.extend_i32_u
   i32.const 826495049
   i64.extend_i32_u
   i64.const 32
   i64.shl
   i64.or
   br $assembly/control/word|inlined.2
  end
  local.get $1
  i64.load
  local.tee $4
  i64.ne
  if
   local.get $4
   i64.eqz
   if (result i32)
    local.get $3
   else
    i32.const 1
   end
   if (result i32)
    i32.const -11
   else
    i32.const -10
   end
   return
  end
  local.get $3
  i32.eqz
  if
   i32.const -10
   return
  end
  i32.const 2
  local.get $3
  i32.ne
  if
   i32.const -12
   return
  end
  i32.const 16909060
  local.get $1
  i32.load offset=12
  i32.ne
  if
   i32.const -13
   return
  end
  block $assembly/control/word|inlined.3 (result i64)
   i32.const 1906179161
   i64.extend_i32_u
   i32.const -947280655
   i64.extend_i32_u
   i64.const 32
   i64.shl
   i64.or
   br $assembly/control/word|inlined.3
  end
  local.get $1
  i64.load offset=16
  i64.ne
  if
   i32.const -14
   return
  end
  local.get $0
  local.get $1
  i32.load offset=52
  i32.store offset=12
  local.get $0
  local.get $1
  i32.load offset=60
  i32.store offset=16
  local.get $0
  local.get $1
  i32.load offset=88
  i32.store offset=20
  local.get $0
  local.get $1
  i32.load offset=44
  i32.store offset=156
  local.get $0
  local.get $1
  i32.load offset=92
  i32.store offset=160
  local.get $0
  local.get $1
  i64.load offset=80
  i64.store offset=128
  local.get $0
  local.get $1
  i64.load offset=72
  i64.store offset=120
  local.get $0
  call $assembly/control/controlLayout
  local.tee $3
  i32.const 0
  i32.ne
  if
   local.get $3
   return
  end
  local.get $0
  i32.load offset=12
  local.set $3
  local.get $1
  i32.load offset=40
  local.get $0
  i32.load offset=152
  i32.ne
  if (result i32)
   i32.const 1
  else
   i32.const 512
   local.get $1
   i32.load offset=48
   i32.ne
  end
  if (result i32)
   i32.const 1
  else
   local.get $1
   i32.load offset=56
   i32.const 512
   i32.const 128
   local.get $3
   i32.mul
   i32.add
   i32.ne
  end
  if (result i32)
   i32.const 1
  else
   local.get $1
   i64.load offset=64
   local.get $0
   i64.load offset=136
   i64.ne
  end
  if (result i32)
   i32.const 1
  else
   local.get $1
   i64.load offset=32
   local.get $0
   i64.load offset=144
   i64.ne
  end
  if
   i32.const -16
   return
  end
  local.get $2
  local.get $0
  i64.load offset=144
  f64.convert_i64_u
  f64.ne
  if
   i32.const -15
   return
  end
  i32.const 0
  return
 )
 (func $assembly/reliable-cursor/reliableSkip (param $0 i32) (result i32)
  (local $1 i64)
  local.get $0
  local.get $0
  i64.load offset=56
  i64.const 1
  i64.add
  local.tee $1
  i64.store offset=56
  block $assembly/handle/entryOf|inlined.3 (result i32)
   local.get $0
   i32.load offset=24
   br $assembly/handle/entryOf|inlined.3
  end
  local.get $1
  i64.atomic.store offset=8
  block $assembly/sync/takeWaiting|inlined.2 (result i32)
   block $assembly/handle/controlOf|inlined.6 (result i32)
    local.get $0
    i32.load
    br $assembly/handle/controlOf|inlined.6
   end
   local.tee $0
   i32.atomic.load offset=328
   i32.eqz
   if
    i32.const 0
    br $assembly/sync/takeWaiting|inlined.2
   end
   local.get $0
   i32.const 0
   i32.atomic.rmw.xchg offset=328
   br $assembly/sync/takeWaiting|inlined.2
  end
  return
 )
 (func $assembly/reliable-cursor/reliableAdvance (param $0 i32) (result i32)
  (local $1 i32)
  (local $2 i64)
  (local $3 i64)
  local.get $0
  i64.load offset=56
  local.tee $2
  block $assembly/handle/entryOf|inlined.2 (result i32)
   local.get $0
   i32.load offset=24
   br $assembly/handle/entryOf|inlined.2
  end
  local.tee $1
  i64.load offset=64
  local.tee $3
  i64.gt_u
  if
   local.get $1
   local.get $2
   i64.store offset=64
   local.get $1
   local.get $1
   i64.load offset=72
   i64.const 1
   i64.add
   i64.store offset=72
   local.get $3
   i64.const 0
   i64.ne
   if
    local.get $1
    local.get $1
    i64.load offset=80
    local.get $2
    local.get $3
    i64.sub
    i64.const 1
    i64.sub
    i64.add
    i64.store offset=80
   end
  end
  local.get $0
  call $assembly/reliable-cursor/reliableSkip
  return
 )
 (func $assembly/reliable-cursor/reliableJoin (param $0 i32) (param $1 f64) (result f64)
  (local $2 i64)
  (local $3 i64)
  (local $4 i64)
  (local $5 i32)
  (local $6 i32)
  (local $7 i64)
  block $assembly/handle/controlOf|inlined.7 (result i32)
   local.get $0
   i32.load
   br $assembly/handle/controlOf|inlined.7
  end
  local.set $5
  block $assembly/handle/entryOf|inlined.4 (result i32)
   local.get $0
   i32.load offset=24
   br $assembly/handle/entryOf|inlined.4
  end
  local.set $6
  block $assembly/handle/slotCapacityOf|inlined.0 (result i64)
   local.get $0
   i64.load32_u offset=16
   br $assembly/handle/slotCapacityOf|inlined.0
  end
  local.set $4
  local.get $5
  block $assembly/handle/entryBit|inlined.3 (result i64)
   i64.const 1
   local.get $0
   i64.load32_u offset=28
   i64.shl
   br $assembly/handle/entryBit|inlined.3
  end
  i64.atomic.rmw.or offset=320
  drop
  local.get $0
  i64.const -1
  i64.store offset=56
  local.get $4
  block $assembly/sync/loadHead|inlined.0 (result i64)
   local.get $5
   i64.atomic.load offset=128
   br $assembly/sync/loadHead|inlined.0
  end
  local.tee $3
  i64.gt_u
  if (result i32)
   i32.const 1
  else
   i64.const 9007199254740992
   local.get $3
   i64.lt_u
  end
  if
   i32.const -17
   f64.convert_i32_s
   return
  end
  local.get $4
  local.get $3
  local.get $4
  i64.sub
  i64.const 1
  i64.add
  local.tee $2
  i64.gt_u
  if (result i64)
   local.get $4
  else
   local.get $2
  end
  local.set $2
  local.get $2
  i64.const 9007199254740992
  f64.convert_i64_u
  local.get $1
  f64.le
  if (result i64)
   local.get $3
  else
   local.get $4
   local.get $1
   i64.trunc_sat_f64_u
   i64.add
  end
  local.tee $7
  i64.lt_u
  if (result i64)
   block $assembly/reader/lower|inlined.0 (result i64)
    local.get $3
    local.get $7
    i64.gt_u
    if (result i64)
     local.get $7
    else
     local.get $3
    end
    br $assembly/reader/lower|inlined.0
   end
  else
   local.get $2
  end
  local.set $2
  i64.const 0
  local.set $3
  loop $for-loop|0
   local.get $4
   local.get $3
   i64.ge_u
   if
    local.get $6
    local.get $2
    i64.atomic.store offset=8
    block $assembly/sync/loadClaim|inlined.0 (result i64)
     block $assembly/handle/slotAt|inlined.0 (result i32)
      local.get $0
      i32.load offset=4
      block $assembly/history/slotOf|inlined.0 (result i32)
       local.get $2
       local.get $4
       i64.rem_u
       i32.wrap_i64
       br $assembly/history/slotOf|inlined.0
      end
      i32.const 64
      i32.mul
      i32.add
      br $assembly/handle/slotAt|inlined.0
     end
     i64.atomic.load offset=8
     br $assembly/sync/loadClaim|inlined.0
    end
    local.get $2
    i64.le_u
    if
     local.get $0
     local.get $2
     i64.store offset=56
     local.get $3
     i64.const 0
     i64.ne
     if
      local.get $0
      block $assembly/sync/takeWaiting|inlined.3 (result i32)
       local.get $5
       i32.atomic.load offset=328
       i32.eqz
       if
        i32.const 0
        br $assembly/sync/takeWaiting|inlined.3
       end
       local.get $5
       i32.const 0
       i32.atomic.rmw.xchg offset=328
       br $assembly/sync/takeWaiting|inlined.3
      end
      i32.store offset=112
     end
     local.get $2
     local.get $4
     i64.sub
     f64.convert_i64_u
     return
    end
    local.get $2
    i64.const 1
    i64.add
    local.set $2
    local.get $3
    i64.const 1
    i64.add
    local.set $3
    br $for-loop|0
   end
  end
  local.get $6
  i64.const -1
  i64.atomic.store offset=8
  local.get $0
  block $assembly/sync/takeWaiting|inlined.4 (result i32)
   local.get $5
   i32.atomic.load offset=328
   i32.eqz
   if
    i32.const 0
    br $assembly/sync/takeWaiting|inlined.4
   end
   local.get $5
   i32.const 0
   i32.atomic.rmw.xchg offset=328
   br $assembly/sync/takeWaiting|inlined.4
  end
  i32.store offset=112
  i32.const -3
  f64.convert_i32_s
  return
 )
 (func $assembly/reliable-cursor/reliableNext (param $0 i32) (result f64)
  (local $1 i64)
  (local $2 i64)
  (local $3 i32)
  (local $4 i64)
  (local $5 i32)
  block $assembly/handle/controlOf|inlined.8 (result i32)
   local.get $0
   i32.load
   br $assembly/handle/controlOf|inlined.8
  end
  local.set $3
  block $assembly/handle/slotCapacityOf|inlined.1 (result i64)
   local.get $0
   i64.load32_u offset=16
   br $assembly/handle/slotCapacityOf|inlined.1
  end
  local.set $2
  local.get $0
  i64.load offset=56
  local.set $1
  block $assembly/sync/loadProducerState|inlined.0 (result i32)
   local.get $3
   i32.atomic.load offset=192
   br $assembly/sync/loadProducerState|inlined.0
  end
  local.set $5
  local.get $2
  block $assembly/sync/loadHead|inlined.1 (result i64)
   local.get $3
   i64.atomic.load offset=128
   br $assembly/sync/loadHead|inlined.1
  end
  local.tee $4
  i64.gt_u
  if (result i32)
   i32.const 1
  else
   i64.const 9007199254740992
   local.get $4
   i64.lt_u
  end
  if
   i32.const -17
   f64.convert_i32_s
   return
  end
  local.get $1
  local.get $4
  i64.ge_u
  if
   i32.const 1
   local.get $5
   i32.eq
   if (result i32)
    i32.const -1
   else
    i32.const -2
   end
   f64.convert_i32_s
   return
  end
  block $assembly/sync/loadStamp|inlined.0 (result i64)
   block $assembly/handle/slotAt|inlined.1 (result i32)
    local.get $0
    i32.load offset=4
    block $assembly/history/slotOf|inlined.1 (result i32)
     local.get $1
     local.get $2
     i64.rem_u
     i32.wrap_i64
     br $assembly/history/slotOf|inlined.1
    end
    i32.const 64
    i32.mul
    i32.add
    br $assembly/handle/slotAt|inlined.1
   end
   i64.atomic.load
   br $assembly/sync/loadStamp|inlined.0
  end
  block $assembly/sync/stampDone|inlined.1 (result i64)
   local.get $1
   i64.const 1
   i64.shl
   i64.const 2
   i64.add
   br $assembly/sync/stampDone|inlined.1
  end
  i64.ne
  if
   i32.const -3
   f64.convert_i32_s
   return
  end
  local.get $1
  local.get $2
  i64.sub
  f64.convert_i64_u
  return
 )
 (func $assembly/reliable-cursor/reliablePin (param $0 i32)
  (local $1 i64)
  (local $2 i64)
  local.get $0
  block $assembly/reader/lower|inlined.1 (result i64)
   local.get $0
   i64.load offset=56
   local.tee $1
   local.get $0
   i64.load offset=48
   local.tee $2
   i64.lt_u
   if (result i64)
    local.get $1
   else
    local.get $2
   end
   br $assembly/reader/lower|inlined.1
  end
  local.tee $1
  i64.store offset=48
  block $assembly/handle/entryOf|inlined.5 (result i32)
   local.get $0
   i32.load offset=24
   br $assembly/handle/entryOf|inlined.5
  end
  local.get $1
  i64.atomic.store
 )
 (func $assembly/reliable-cursor/reliableTimes (param $0 i32)
  (local $1 i32)
  local.get $0
  block $assembly/handle/slotAt|inlined.2 (result i32)
   local.get $0
   i32.load offset=4
   block $assembly/history/slotOf|inlined.2 (result i32)
    local.get $0
    i64.load offset=56
    block $assembly/handle/slotCapacityOf|inlined.2 (result i64)
     local.get $0
     i64.load32_u offset=16
     br $assembly/handle/slotCapacityOf|inlined.2
    end
    i64.rem_u
    i32.wrap_i64
    br $assembly/history/slotOf|inlined.2
   end
   i32.const 64
   i32.mul
   i32.add
   br $assembly/handle/slotAt|inlined.2
  end
  local.tee $1
  i64.load offset=16
  i64.store offset=80
  local.get $0
  local.get $1
  i64.load offset=24
  i64.store offset=88
  local.get $0
  local.get $1
  i32.load offset=32
  i32.store offset=96
 )
 (func $assembly/history/slotsFor (param $0 i64) (param $1 i64) (param $2 i64) (result i64)
  local.get $2
  local.get $2
  local.get $0
  i64.const -1
  i64.xor
  i64.const 1
  i64.add
  local.get $0
  i64.and
  local.tee $0
  i64.lt_u
  if (result i64)
   local.get $2
  else
   local.get $0
  end
  i64.div_u
  local.tee $0
  local.get $1
  i64.add
  i64.const 1
  i64.sub
  local.get $0
  i64.div_u
  local.get $0
  i64.mul
  return
 )
 (func $assembly/history/chooseGeometry (param $0 i32) (param $1 f64) (param $2 i32) (param $3 i32) (result i32)
  (local $4 i64)
  (local $5 i64)
  (local $6 i64)
  (local $7 i64)
  (local $8 i64)
  (local $9 i64)
  (local $10 i64)
  (local $11 i64)
  (local $12 i32)
  local.get $1
  f64.const 1
  f64.ge
  if (result i32)
   local.get $1
   f64.const 1099511627776
   f64.le
  else
   i32.const 0
  end
  i32.eqz
  if
   i32.const -16
   return
  end
  block $assembly/history/within|inlined.5 (result i32)
   i32.const 1048576
   local.set $12
   local.get $2
   if (result i32)
    local.get $2
    local.get $12
    i32.le_u
   else
    i32.const 0
   end
   br $assembly/history/within|inlined.5
  end
  i32.eqz
  if
   i32.const -16
   return
  end
  local.get $3
  call $assembly/history/isPageSize
  i32.eqz
  if
   i32.const -16
   return
  end
  local.get $1
  i64.trunc_sat_f64_u
  local.set $7
  local.get $3
  i64.extend_i32_u
  local.set $9
  i64.const 2
  local.get $2
  i64.extend_i32_u
  i64.add
  local.set $10
  i64.const 0
  local.set $4
  i64.const 0
  local.set $5
  i32.const 64
  i64.extend_i32_s
  local.set $6
  loop $for-loop|0
   local.get $9
   local.get $6
   i64.ge_u
   if
    block $assembly/history/alignUp|inlined.2 (result i64)
     local.get $7
     local.get $6
     i64.add
     i64.const 1
     i64.sub
     local.get $6
     i64.const 1
     i64.sub
     i64.const -1
     i64.xor
     i64.and
     br $assembly/history/alignUp|inlined.2
    end
    local.tee $11
    local.get $10
    local.get $9
    call $assembly/history/slotsFor
    local.set $8
    local.get $4
    i64.eqz
    if (result i32)
     i32.const 1
    else
     local.get $11
     local.get $8
     i64.mul
     local.get $4
     local.get $5
     i64.mul
     i64.lt_u
    end
    if (result i64)
     local.get $8
     local.set $5
     local.get $11
    else
     local.get $4
    end
    local.set $4
    local.get $6
    i64.const 1
    i64.shl
    local.set $6
    br $for-loop|0
   end
  end
  i64.const 8388608
  local.get $4
  local.get $5
  i64.const 1
  i64.shl
  i64.mul
  i64.add
  local.get $7
  local.get $7
  local.get $10
  local.get $9
  call $assembly/history/slotsFor
  local.tee $8
  i64.mul
  i64.ge_u
  if (result i64)
   local.get $8
   local.set $5
   local.get $7
  else
   local.get $4
  end
  local.set $4
  i32.const 2097152
  i64.extend_i32_s
  local.get $5
  i64.lt_u
  if
   i32.const -16
   return
  end
  local.get $0
  local.get $4
  i64.store offset=120
  local.get $5
  i32.wrap_i64
  return
 )
 (func $assembly/reader/readerCopyBegin (param $0 i32) (param $1 f64) (param $2 i32) (result i32)
  (local $3 i64)
  (local $4 i64)
  block $assembly/sync/loadStamp|inlined.1 (result i64)
   block $assembly/handle/slotAt|inlined.3 (result i32)
    local.get $0
    i32.load offset=4
    block $assembly/history/slotOf|inlined.3 (result i32)
     block $assembly/history/windowStart|inlined.0 (result i64)
      block $assembly/handle/slotCapacityOf|inlined.3 (result i64)
       local.get $0
       i64.load32_u offset=16
       br $assembly/handle/slotCapacityOf|inlined.3
      end
      local.tee $3
      local.get $1
      i64.trunc_sat_f64_u
      i64.const 1
      i64.add
      i64.add
      local.get $2
      i64.extend_i32_u
      i64.sub
      br $assembly/history/windowStart|inlined.0
     end
     local.tee $4
     local.get $3
     i64.rem_u
     i32.wrap_i64
     br $assembly/history/slotOf|inlined.3
    end
    local.tee $0
    i32.const 64
    i32.mul
    i32.add
    br $assembly/handle/slotAt|inlined.3
   end
   i64.atomic.load
   br $assembly/sync/loadStamp|inlined.1
  end
  block $assembly/sync/stampDone|inlined.2 (result i64)
   local.get $4
   i64.const 1
   i64.shl
   i64.const 2
   i64.add
   br $assembly/sync/stampDone|inlined.2
  end
  i64.eq
  if (result i32)
   local.get $0
  else
   i32.const -3
  end
  return
 )
 (func $assembly/reader/readerCopyEnd (param $0 i32) (param $1 f64) (param $2 i32) (result i32)
  (local $3 i64)
  (local $4 i32)
  (local $5 i64)
  (local $6 i64)
  block $assembly/history/windowStart|inlined.1 (result i64)
   block $assembly/handle/slotCapacityOf|inlined.4 (result i64)
    local.get $0
    i64.load32_u offset=16
    br $assembly/handle/slotCapacityOf|inlined.4
   end
   local.tee $3
   local.get $1
   i64.trunc_sat_f64_u
   i64.add
   local.tee $5
   i64.const 1
   i64.add
   local.get $2
   i64.extend_i32_u
   i64.sub
   br $assembly/history/windowStart|inlined.1
  end
  local.set $6
  local.get $0
  block $assembly/handle/slotAt|inlined.4 (result i32)
   local.get $0
   i32.load offset=4
   block $assembly/history/slotOf|inlined.4 (result i32)
    local.get $5
    local.get $3
    i64.rem_u
    i32.wrap_i64
    br $assembly/history/slotOf|inlined.4
   end
   i32.const 64
   i32.mul
   i32.add
   br $assembly/handle/slotAt|inlined.4
  end
  local.tee $4
  i64.load offset=16
  i64.store offset=80
  local.get $0
  local.get $4
  i64.load offset=24
  i64.store offset=88
  local.get $0
  local.get $4
  i32.load offset=32
  i32.store offset=96
  local.get $2
  i32.const 1
  i32.eq
  if (result i32)
   local.get $4
  else
   block $assembly/handle/slotAt|inlined.5 (result i32)
    local.get $0
    i32.load offset=4
    block $assembly/history/slotOf|inlined.5 (result i32)
     local.get $6
     local.get $3
     i64.rem_u
     i32.wrap_i64
     br $assembly/history/slotOf|inlined.5
    end
    i32.const 64
    i32.mul
    i32.add
    br $assembly/handle/slotAt|inlined.5
   end
  end
  local.set $4
  atomic.fence
  block $assembly/sync/loadStamp|inlined.2 (result i64)
   local.get $4
   i64.atomic.load
   br $assembly/sync/loadStamp|inlined.2
  end
  block $assembly/sync/stampDone|inlined.3 (result i64)
   local.get $6
   i64.const 1
   i64.shl
   i64.const 2
   i64.add
   br $assembly/sync/stampDone|inlined.3
  end
  i64.ne
  if
   i32.const -3
   return
  end
  i64.const -1
  local.get $0
  i64.load offset=56
  i64.eq
  if
   local.get $5
   block $assembly/handle/entryOf|inlined.6 (result i32)
    local.get $0
    i32.load offset=24
    br $assembly/handle/entryOf|inlined.6
   end
   local.tee $0
   i64.load offset=64
   local.tee $3
   i64.gt_u
   if
    local.get $0
    local.get $5
    i64.store offset=64
    local.get $0
    local.get $0
    i64.load offset=72
    i64.const 1
    i64.add
    i64.store offset=72
    local.get $3
    i64.const 0
    i64.ne
    if
     local.get $0
     local.get $0
     i64.load offset=80
     local.get $5
     local.get $3
     i64.sub
     i64.const 1
     i64.sub
     i64.add
     i64.store offset=80
    end
   end
  end
  i32.const 0
  return
 )
 (func $assembly/reader/pinNewest (param $0 i32) (param $1 i32) (param $2 i32) (result f64)
  (local $3 i64)
  (local $4 i32)
  (local $5 i64)
  (local $6 i64)
  (local $7 i64)
  (local $8 i32)
  (local $9 i32)
  (local $10 i64)
  (local $11 i32)
  (local $12 f64)
  block $assembly/handle/controlOf|inlined.9 (result i32)
   local.get $0
   i32.load
   br $assembly/handle/controlOf|inlined.9
  end
  local.set $4
  block $assembly/handle/entryOf|inlined.7 (result i32)
   local.get $0
   i32.load offset=24
   br $assembly/handle/entryOf|inlined.7
  end
  local.set $9
  block $assembly/handle/slotCapacityOf|inlined.5 (result i64)
   local.get $0
   i64.load32_u offset=16
   br $assembly/handle/slotCapacityOf|inlined.5
  end
  local.set $10
  block $assembly/handle/entryBit|inlined.4 (result i64)
   i64.const 1
   local.get $0
   i64.load32_u offset=28
   i64.shl
   br $assembly/handle/entryBit|inlined.4
  end
  local.set $3
  block $assembly/sync/loadBorrowers|inlined.0 (result i64)
   local.get $4
   i64.atomic.load offset=320
   br $assembly/sync/loadBorrowers|inlined.0
  end
  local.get $3
  i64.and
  i64.eqz
  if
   local.get $4
   local.get $3
   i64.atomic.rmw.or offset=320
   drop
  end
  local.get $0
  i64.load offset=48
  local.set $3
  local.get $0
  i64.load offset=56
  local.set $6
  i32.const -3
  f64.convert_i32_s
  local.set $12
  i32.const 0
  local.set $8
  local.get $0
  i32.const 0
  i32.store offset=112
  block $for-break0
   loop $for-loop|0
    i32.const 1024
    local.get $8
    i32.gt_u
    if
     block $for-continue|0
      block $assembly/sync/loadHead|inlined.2 (result i64)
       local.get $4
       i64.atomic.load offset=128
       br $assembly/sync/loadHead|inlined.2
      end
      local.set $7
      block $assembly/sync/loadProducerState|inlined.1 (result i32)
       local.get $4
       i32.atomic.load offset=192
       br $assembly/sync/loadProducerState|inlined.1
      end
      i32.const 1
      i32.ne
      if
       i32.const -2
       f64.convert_i32_s
       local.set $12
       br $for-break0
      end
      local.get $10
      local.get $7
      i64.ge_u
      if (result i32)
       i32.const 1
      else
       i64.const 9007199254740992
       local.get $7
       i64.lt_u
      end
      if
       local.get $10
       local.get $7
       i64.eq
       if (result i32)
        i32.const -1
       else
        i32.const -17
       end
       f64.convert_i32_s
       local.set $12
       br $for-break0
      end
      block $assembly/history/windowStart|inlined.2 (result i64)
       local.get $7
       local.get $1
       i64.extend_i32_u
       i64.sub
       br $assembly/history/windowStart|inlined.2
      end
      local.set $5
      local.get $2
      if (result i32)
       i32.const 1
      else
       i32.const 3
       local.get $8
       i32.le_u
      end
      if
       local.get $9
       block $assembly/reader/lower|inlined.2 (result i64)
        local.get $6
        local.get $5
        i64.gt_u
        if (result i64)
         local.get $5
        else
         local.get $6
        end
        br $assembly/reader/lower|inlined.2
       end
       i64.atomic.store offset=8
      end
      local.get $2
      i32.eqz
      if
       local.get $9
       block $assembly/reader/lower|inlined.3 (result i64)
        local.get $3
        local.get $5
        i64.gt_u
        if (result i64)
         local.get $5
        else
         local.get $3
        end
        br $assembly/reader/lower|inlined.3
       end
       i64.atomic.store
      end
      block $assembly/sync/loadClaim|inlined.1 (result i64)
       block $assembly/handle/slotAt|inlined.6 (result i32)
        local.get $0
        i32.load offset=4
        block $assembly/history/slotOf|inlined.6 (result i32)
         local.get $5
         local.get $10
         i64.rem_u
         i32.wrap_i64
         br $assembly/history/slotOf|inlined.6
        end
        i32.const 64
        i32.mul
        i32.add
        br $assembly/handle/slotAt|inlined.6
       end
       local.tee $11
       i64.atomic.load offset=8
       br $assembly/sync/loadClaim|inlined.1
      end
      local.get $5
      i64.ne
      if
       br $for-continue|0
      end
      local.get $2
      i32.eqz
      if
       local.get $0
       block $assembly/reader/lower|inlined.4 (result i64)
        local.get $3
        local.get $5
        i64.gt_u
        if (result i64)
         local.get $5
        else
         local.get $3
        end
        br $assembly/reader/lower|inlined.4
       end
       i64.store offset=48
       i32.const 3
       local.get $8
       i32.le_u
       if
        local.get $9
        local.get $6
        i64.atomic.store offset=8
       end
      end
      local.get $8
      if
       local.get $0
       block $assembly/sync/takeWaiting|inlined.5 (result i32)
        local.get $4
        i32.atomic.load offset=328
        i32.eqz
        if
         i32.const 0
         br $assembly/sync/takeWaiting|inlined.5
        end
        local.get $4
        i32.const 0
        i32.atomic.rmw.xchg offset=328
        br $assembly/sync/takeWaiting|inlined.5
       end
       i32.store offset=112
      end
      local.get $0
      local.get $1
      i32.const 1
      i32.eq
      if (result i32)
       local.get $11
      else
       block $assembly/handle/slotAt|inlined.7 (result i32)
        local.get $0
        i32.load offset=4
        block $assembly/history/slotOf|inlined.7 (result i32)
         local.get $7
         i64.const 1
         i64.sub
         local.get $10
         i64.rem_u
         i32.wrap_i64
         br $assembly/history/slotOf|inlined.7
        end
        i32.const 64
        i32.mul
        i32.add
        br $assembly/handle/slotAt|inlined.7
       end
      end
      local.tee $11
      i64.load offset=16
      i64.store offset=80
      local.get $0
      local.get $11
      i64.load offset=24
      i64.store offset=88
      local.get $0
      local.get $11
      i32.load offset=32
      i32.store offset=96
      local.get $7
      i64.const 1
      i64.sub
      local.set $3
      i64.const -1
      local.get $0
      i64.load offset=56
      i64.eq
      if
       local.get $3
       block $assembly/handle/entryOf|inlined.8 (result i32)
        local.get $0
        i32.load offset=24
        br $assembly/handle/entryOf|inlined.8
       end
       local.tee $0
       i64.load offset=64
       local.tee $6
       i64.gt_u
       if
        local.get $0
        local.get $3
        i64.store offset=64
        local.get $0
        local.get $0
        i64.load offset=72
        i64.const 1
        i64.add
        i64.store offset=72
        local.get $6
        i64.const 0
        i64.ne
        if
         local.get $0
         local.get $0
         i64.load offset=80
         local.get $3
         local.get $6
         i64.sub
         i64.const 1
         i64.sub
         i64.add
         i64.store offset=80
        end
       end
      end
      local.get $7
      i64.const 1
      i64.sub
      local.get $10
      i64.sub
      f64.convert_i64_u
      return
     end
     local.get $8
     i32.const 1
     i32.add
     local.set $8
     br $for-loop|0
    end
   end
  end
  local.get $9
  local.get $3
  i64.atomic.store
  local.get $9
  local.get $6
  i64.atomic.store offset=8
  local.get $0
  block $assembly/sync/takeWaiting|inlined.6 (result i32)
   local.get $4
   i32.atomic.load offset=328
   i32.eqz
   if
    i32.const 0
    br $assembly/sync/takeWaiting|inlined.6
   end
   local.get $4
   i32.const 0
   i32.atomic.rmw.xchg offset=328
   br $assembly/sync/takeWaiting|inlined.6
  end
  i32.store offset=112
  local.get $12
  return
 )
 (func $assembly/reader/readerHold (param $0 i32) (param $1 i32) (result f64)
  local.get $0
  local.get $1
  i32.const 1
  call $assembly/reader/pinNewest
  return
 )
 (func $assembly/reader/readerIntact (param $0 i32) (param $1 f64) (result i32)
  (local $2 i64)
  (local $3 i64)
  block $assembly/handle/slotCapacityOf|inlined.6 (result i64)
   local.get $0
   i64.load32_u offset=16
   br $assembly/handle/slotCapacityOf|inlined.6
  end
  local.tee $3
  local.get $1
  i64.trunc_sat_f64_s
  i64.add
  local.set $2
  atomic.fence
  block $assembly/sync/loadStamp|inlined.3 (result i64)
   block $assembly/handle/slotAt|inlined.8 (result i32)
    local.get $0
    i32.load offset=4
    block $assembly/history/slotOf|inlined.8 (result i32)
     local.get $2
     local.get $3
     i64.rem_u
     i32.wrap_i64
     br $assembly/history/slotOf|inlined.8
    end
    i32.const 64
    i32.mul
    i32.add
    br $assembly/handle/slotAt|inlined.8
   end
   i64.atomic.load
   br $assembly/sync/loadStamp|inlined.3
  end
  block $assembly/sync/stampDone|inlined.4 (result i64)
   local.get $2
   i64.const 1
   i64.shl
   i64.const 2
   i64.add
   br $assembly/sync/stampDone|inlined.4
  end
  i64.eq
  return
 )
 (func $assembly/reader/readerNewest (param $0 i32) (result f64)
  (local $1 i64)
  (local $2 i64)
  block $assembly/sync/loadHead|inlined.3 (result i64)
   block $assembly/handle/controlOf|inlined.11 (result i32)
    local.get $0
    i32.load
    br $assembly/handle/controlOf|inlined.11
   end
   i64.atomic.load offset=128
   br $assembly/sync/loadHead|inlined.3
  end
  local.tee $1
  block $assembly/handle/slotCapacityOf|inlined.7 (result i64)
   local.get $0
   i64.load32_u offset=16
   br $assembly/handle/slotCapacityOf|inlined.7
  end
  local.tee $2
  i64.eq
  if
   i32.const -1
   f64.convert_i32_s
   return
  end
  local.get $1
  local.get $2
  i64.lt_u
  if (result i32)
   i32.const 1
  else
   i64.const 9007199254740992
   local.get $1
   i64.lt_u
  end
  if
   i32.const -17
   f64.convert_i32_s
   return
  end
  local.get $1
  i64.const 1
  i64.sub
  local.get $2
  i64.sub
  f64.convert_i64_u
  return
 )
 (func $assembly/reader/readerLatest (param $0 i32) (result f64)
  block $assembly/sync/loadProducerState|inlined.2 (result i32)
   block $assembly/handle/controlOf|inlined.10 (result i32)
    local.get $0
    i32.load
    br $assembly/handle/controlOf|inlined.10
   end
   i32.atomic.load offset=192
   br $assembly/sync/loadProducerState|inlined.2
  end
  i32.const 1
  i32.ne
  if
   i32.const -2
   f64.convert_i32_s
   return
  end
  local.get $0
  call $assembly/reader/readerNewest
  return
 )
 (func $assembly/reader/readerPin (param $0 i32) (param $1 i32) (result f64)
  local.get $0
  local.get $1
  i32.const 0
  call $assembly/reader/pinNewest
  return
 )
 (func $assembly/reader/readerRest (param $0 i32)
  (local $1 i32)
  (local $2 i64)
  i64.const -1
  local.get $0
  i64.load offset=48
  i64.ne
  if (result i32)
   i32.const 1
  else
   i64.const -1
   local.get $0
   i64.load offset=56
   i64.ne
  end
  if
   return
  end
  block $assembly/handle/controlOf|inlined.12 (result i32)
   local.get $0
   i32.load
   br $assembly/handle/controlOf|inlined.12
  end
  local.set $1
  block $assembly/handle/entryBit|inlined.5 (result i64)
   i64.const 1
   local.get $0
   i64.load32_u offset=28
   i64.shl
   br $assembly/handle/entryBit|inlined.5
  end
  local.set $2
  block $assembly/sync/loadBorrowers|inlined.1 (result i64)
   local.get $1
   i64.atomic.load offset=320
   br $assembly/sync/loadBorrowers|inlined.1
  end
  local.get $2
  i64.and
  i64.const 0
  i64.ne
  if
   local.get $1
   local.get $2
   i64.const -1
   i64.xor
   i64.atomic.rmw.and offset=320
   drop
  end
 )
 (func $assembly/reader/readerSpin (param $0 i32) (param $1 f64) (param $2 i32) (result f64)
  (local $3 i32)
  (local $4 i32)
  (local $5 i64)
  block $assembly/handle/controlOf|inlined.13 (result i32)
   local.get $0
   i32.load
   br $assembly/handle/controlOf|inlined.13
  end
  local.set $4
  block $assembly/handle/slotCapacityOf|inlined.8 (result i64)
   local.get $0
   i64.load32_u offset=16
   br $assembly/handle/slotCapacityOf|inlined.8
  end
  local.get $1
  i64.trunc_sat_f64_s
  i64.const 1
  i64.add
  i64.add
  local.set $5
  i32.const 0
  local.set $3
  block $for-break0
   loop $for-loop|0
    local.get $2
    local.get $3
    i32.gt_u
    if
     block $assembly/sync/loadHead|inlined.4 (result i64)
      local.get $4
      i64.atomic.load offset=128
      br $assembly/sync/loadHead|inlined.4
     end
     local.get $5
     i64.gt_u
     if
      br $for-break0
     end
     local.get $3
     i32.const 1
     i32.add
     local.set $3
     br $for-loop|0
    end
   end
  end
  local.get $0
  call $assembly/reader/readerLatest
  return
 )
 (func $assembly/reader/readerUnhold (param $0 i32) (result i32)
  block $assembly/handle/entryOf|inlined.9 (result i32)
   local.get $0
   i32.load offset=24
   br $assembly/handle/entryOf|inlined.9
  end
  local.get $0
  i64.load offset=56
  i64.atomic.store offset=8
  block $assembly/sync/takeWaiting|inlined.7 (result i32)
   block $assembly/handle/controlOf|inlined.14 (result i32)
    local.get $0
    i32.load
    br $assembly/handle/controlOf|inlined.14
   end
   local.tee $0
   i32.atomic.load offset=328
   i32.eqz
   if
    i32.const 0
    br $assembly/sync/takeWaiting|inlined.7
   end
   local.get $0
   i32.const 0
   i32.atomic.rmw.xchg offset=328
   br $assembly/sync/takeWaiting|inlined.7
  end
  return
 )
 (func $assembly/reader/readerUnpin (param $0 i32) (result i32)
  local.get $0
  i64.const -1
  i64.store offset=48
  block $assembly/handle/entryOf|inlined.10 (result i32)
   local.get $0
   i32.load offset=24
   br $assembly/handle/entryOf|inlined.10
  end
  i64.const -1
  i64.atomic.store
  block $assembly/sync/takeWaiting|inlined.8 (result i32)
   block $assembly/handle/controlOf|inlined.15 (result i32)
    local.get $0
    i32.load
    br $assembly/handle/controlOf|inlined.15
   end
   local.tee $0
   i32.atomic.load offset=328
   i32.eqz
   if
    i32.const 0
    br $assembly/sync/takeWaiting|inlined.8
   end
   local.get $0
   i32.const 0
   i32.atomic.rmw.xchg offset=328
   br $assembly/sync/takeWaiting|inlined.8
  end
  return
 )
 (func $assembly/reader/readerUnpinTo (param $0 i32) (param $1 f64) (result i32)
  (local $2 i64)
  local.get $0
  block $assembly/handle/slotCapacityOf|inlined.9 (result i64)
   local.get $0
   i64.load32_u offset=16
   br $assembly/handle/slotCapacityOf|inlined.9
  end
  local.get $1
  i64.trunc_sat_f64_s
  i64.add
  local.tee $2
  i64.store offset=48
  block $assembly/handle/entryOf|inlined.11 (result i32)
   local.get $0
   i32.load offset=24
   br $assembly/handle/entryOf|inlined.11
  end
  local.get $2
  i64.atomic.store
  block $assembly/sync/takeWaiting|inlined.9 (result i32)
   block $assembly/handle/controlOf|inlined.16 (result i32)
    local.get $0
    i32.load
    br $assembly/handle/controlOf|inlined.16
   end
   local.tee $0
   i32.atomic.load offset=328
   i32.eqz
   if
    i32.const 0
    br $assembly/sync/takeWaiting|inlined.9
   end
   local.get $0
   i32.const 0
   i32.atomic.rmw.xchg offset=328
   br $assembly/sync/takeWaiting|inlined.9
  end
  return
 )
 (func $assembly/writer/writerBlocker (param $0 i32) (param $1 i32) (param $2 i32) (result i32)
  (local $3 i64)
  (local $4 i64)
  (local $5 i32)
  (local $6 i32)
  (local $7 i32)
  block $assembly/handle/positionOf|inlined.1 (result i64)
   local.get $0
   i64.load offset=32
   br $assembly/handle/positionOf|inlined.1
  end
  block $assembly/handle/slotCapacityOf|inlined.11 (result i64)
   local.get $0
   i64.load32_u offset=16
   br $assembly/handle/slotCapacityOf|inlined.11
  end
  i64.sub
  local.set $4
  block $assembly/sync/loadBorrowers|inlined.2 (result i64)
   block $assembly/handle/controlOf|inlined.17 (result i32)
    local.get $0
    i32.load
    br $assembly/handle/controlOf|inlined.17
   end
   i64.atomic.load offset=320
   br $assembly/sync/loadBorrowers|inlined.2
  end
  local.get $1
  i64.extend_i32_u
  i64.shr_u
  local.set $3
  block $assembly/handle/consumersOf|inlined.2 (result i32)
   local.get $0
   i32.load offset=8
   br $assembly/handle/consumersOf|inlined.2
  end
  local.set $5
  block $assembly/handle/consumerCapacityOf|inlined.2 (result i32)
   local.get $0
   i32.load offset=12
   br $assembly/handle/consumerCapacityOf|inlined.2
  end
  local.set $0
  block $while-break|0
   loop $while-continue|0
    local.get $3
    i64.const 0
    i64.ne
    if
     local.get $0
     local.get $3
     i64.ctz
     i32.wrap_i64
     local.tee $6
     local.get $1
     i32.add
     local.tee $1
     i32.le_u
     if
      br $while-break|0
     end
     block $assembly/sync/loadHoldPin|inlined.0 (result i64)
      i32.const 128
      local.get $1
      i32.mul
      local.get $5
      i32.add
      local.tee $7
      i64.atomic.load offset=8
      br $assembly/sync/loadHoldPin|inlined.0
     end
     local.get $4
     i64.le_u
     if (result i32)
      i32.const 1
     else
      local.get $2
      if (result i32)
       i32.const 0
      else
       block $assembly/sync/loadViewPin|inlined.0 (result i64)
        local.get $7
        i64.atomic.load
        br $assembly/sync/loadViewPin|inlined.0
       end
       local.get $4
       i64.le_u
      end
     end
     if
      local.get $1
      return
     end
     local.get $3
     local.get $6
     i64.extend_i32_u
     i64.shr_u
     i64.const 1
     i64.shr_u
     local.set $3
     local.get $1
     i32.const 1
     i32.add
     local.set $1
     br $while-continue|0
    end
   end
  end
  i32.const -1
  return
 )
 (func $assembly/writer/writerBegin (param $0 i32) (param $1 i32) (result i32)
  (local $2 i64)
  (local $3 i32)
  (local $4 i32)
  block $assembly/handle/slotAt|inlined.9 (result i32)
   local.get $0
   i32.load offset=4
   block $assembly/history/slotOf|inlined.9 (result i32)
    block $assembly/handle/positionOf|inlined.0 (result i64)
     local.get $0
     i64.load offset=32
     br $assembly/handle/positionOf|inlined.0
    end
    local.tee $2
    block $assembly/handle/slotCapacityOf|inlined.10 (result i64)
     local.get $0
     i64.load32_u offset=16
     br $assembly/handle/slotCapacityOf|inlined.10
    end
    i64.rem_u
    i32.wrap_i64
    br $assembly/history/slotOf|inlined.9
   end
   local.tee $4
   i32.const 64
   i32.mul
   i32.add
   br $assembly/handle/slotAt|inlined.9
  end
  local.tee $3
  local.get $2
  i64.atomic.store offset=8
  local.get $0
  i32.const 0
  local.get $1
  call $assembly/writer/writerBlocker
  i32.const 0
  i32.ge_s
  if
   i32.const -4
   return
  end
  local.get $3
  block $assembly/sync/stampWriting|inlined.0 (result i64)
   local.get $2
   i64.const 1
   i64.shl
   i64.const 1
   i64.add
   br $assembly/sync/stampWriting|inlined.0
  end
  i64.atomic.store
  atomic.fence
  local.get $0
  local.get $3
  i32.store offset=40
  local.get $4
  return
 )
 (func $assembly/writer/writerClose (param $0 i32)
  block $assembly/handle/controlOf|inlined.18 (result i32)
   local.get $0
   i32.load
   br $assembly/handle/controlOf|inlined.18
  end
  i32.const 2
  i32.atomic.store offset=192
 )
 (func $assembly/writer/writerCommit (param $0 i32) (param $1 i32) (result i32)
  (local $2 i64)
  (local $3 i64)
  (local $4 i32)
  (local $5 i32)
  block $assembly/handle/controlOf|inlined.19 (result i32)
   local.get $0
   i32.load
   br $assembly/handle/controlOf|inlined.19
  end
  local.set $5
  block $assembly/handle/positionOf|inlined.2 (result i64)
   local.get $0
   i64.load offset=32
   br $assembly/handle/positionOf|inlined.2
  end
  local.set $2
  local.get $0
  i64.load offset=64
  local.set $3
  local.get $0
  i32.load offset=40
  local.tee $4
  local.get $1
  if (result i64)
   local.get $0
   i64.load offset=80
  else
   local.get $3
  end
  i64.store offset=16
  local.get $4
  local.get $3
  i64.store offset=24
  local.get $4
  local.get $0
  i32.load offset=96
  i32.store offset=32
  local.get $4
  block $assembly/sync/stampDone|inlined.5 (result i64)
   local.get $2
   i64.const 1
   i64.shl
   i64.const 2
   i64.add
   br $assembly/sync/stampDone|inlined.5
  end
  i64.atomic.store
  local.get $0
  local.get $2
  i64.const 1
  i64.add
  i64.store offset=32
  local.get $5
  local.get $2
  i64.const 1
  i64.add
  i64.atomic.store offset=128
  local.get $0
  i64.load offset=168
  local.set $2
  block $assembly/sync/loadArmed|inlined.0 (result i64)
   local.get $5
   i64.atomic.load offset=256
   br $assembly/sync/loadArmed|inlined.0
  end
  i64.const 0
  i64.ne
  if (result i32)
   i32.const 1
  else
   i32.const 0
  end
  local.get $2
  i64.const 0
  i64.ne
  if (result i32)
   local.get $3
   local.get $2
   i64.ge_u
  else
   i32.const 0
  end
  if (result i32)
   i32.const 2
  else
   i32.const 0
  end
  i32.or
  return
 )
 (func $assembly/writer/writerCountOverrun (param $0 i32)
  block $assembly/handle/controlOf|inlined.20 (result i32)
   local.get $0
   i32.load
   br $assembly/handle/controlOf|inlined.20
  end
  local.tee $0
  local.get $0
  i64.load offset=224
  i64.const 1
  i64.add
  i64.store offset=224
 )
 (func $assembly/writer/writerCountRefused (param $0 i32)
  block $assembly/handle/controlOf|inlined.21 (result i32)
   local.get $0
   i32.load
   br $assembly/handle/controlOf|inlined.21
  end
  local.tee $0
  local.get $0
  i64.load offset=216
  i64.const 1
  i64.add
  i64.store offset=216
 )
 (func $assembly/writer/writerCountWait (param $0 i32)
  block $assembly/handle/controlOf|inlined.22 (result i32)
   local.get $0
   i32.load
   br $assembly/handle/controlOf|inlined.22
  end
  local.tee $0
  local.get $0
  i64.load offset=232
  i64.const 1
  i64.add
  i64.store offset=232
 )
 (func $assembly/writer/writerOpen (param $0 i32) (param $1 i32) (param $2 i32) (result i32)
  (local $3 i32)
  (local $4 i64)
  block $assembly/sync/loadHead|inlined.5 (result i64)
   block $assembly/handle/controlOf|inlined.23 (result i32)
    local.get $0
    i32.load
    br $assembly/handle/controlOf|inlined.23
   end
   local.tee $3
   i64.atomic.load offset=128
   br $assembly/sync/loadHead|inlined.5
  end
  local.tee $4
  block $assembly/handle/slotCapacityOf|inlined.12 (result i64)
   local.get $0
   i64.load32_u offset=16
   br $assembly/handle/slotCapacityOf|inlined.12
  end
  i64.lt_u
  if (result i32)
   i32.const 1
  else
   i64.const 9007199254740992
   local.get $4
   i64.le_u
  end
  if
   i32.const -17
   return
  end
  local.get $0
  local.get $4
  i64.store offset=32
  local.get $3
  local.get $1
  i32.store offset=200
  local.get $3
  local.get $2
  i32.store offset=204
  local.get $3
  local.get $0
  i64.load offset=64
  i64.store offset=208
  local.get $3
  local.get $0
  i64.load offset=72
  i64.store offset=240
  local.get $0
  local.get $3
  i32.const 1
  i32.atomic.rmw.add offset=196
  i32.const 1
  i32.add
  i32.store offset=96
  local.get $3
  i32.const 0
  i32.atomic.store offset=328
  local.get $3
  i32.const 1
  i32.atomic.store offset=192
  i32.const 0
  return
 )
 (func $assembly/writer/writerOverruns (param $0 i32) (result i32)
  block $assembly/sync/loadBorrowers|inlined.3 (result i64)
   block $assembly/handle/controlOf|inlined.24 (result i32)
    local.get $0
    i32.load
    br $assembly/handle/controlOf|inlined.24
   end
   i64.atomic.load offset=320
   br $assembly/sync/loadBorrowers|inlined.3
  end
  i64.const 0
  i64.ne
  if (result i32)
   local.get $0
   i32.const 0
   i32.const 0
   call $assembly/writer/writerBlocker
   i32.const 0
   i32.ge_s
  else
   i32.const 0
  end
  return
 )
 (func $assembly/writer/writerSequence (param $0 i32) (result f64)
  block $assembly/handle/positionOf|inlined.3 (result i64)
   local.get $0
   i64.load offset=32
   br $assembly/handle/positionOf|inlined.3
  end
  block $assembly/handle/slotCapacityOf|inlined.13 (result i64)
   local.get $0
   i64.load32_u offset=16
   br $assembly/handle/slotCapacityOf|inlined.13
  end
  i64.sub
  f64.convert_i64_u
  return
 )
 (func $assembly/writer/writerSetWaiting (param $0 i32) (param $1 i32)
  block $assembly/handle/controlOf|inlined.25 (result i32)
   local.get $0
   i32.load
   br $assembly/handle/controlOf|inlined.25
  end
  local.get $1
  i32.atomic.store offset=328
 )
 (func $assembly/writer/writerTakeArmed (param $0 i32) (result i32)
  (local $1 i64)
  local.get $0
  block $assembly/sync/takeArmed|inlined.0 (result i64)
   block $assembly/handle/controlOf|inlined.26 (result i32)
    local.get $0
    i32.load
    br $assembly/handle/controlOf|inlined.26
   end
   local.tee $0
   i64.const 0
   i64.atomic.rmw.xchg offset=256
   br $assembly/sync/takeArmed|inlined.0
  end
  local.tee $1
  i64.store offset=104
  local.get $1
  i64.eqz
  if
   i32.const 0
   return
  end
  local.get $0
  i32.const 1
  i32.atomic.rmw.add offset=264
  drop
  i32.const 1
  return
 )
 (func $assembly/xxh64/xxh64 (param $0 i32) (param $1 i32) (param $2 i64) (result i64)
  (local $3 i32)
  (local $4 i64)
  (local $5 i64)
  (local $6 i64)
  (local $7 i32)
  local.get $0
  local.get $1
  i32.add
  local.set $3
  local.get $1
  i32.const 32
  i32.ge_u
  if (result i64)
   i64.const -4417276706812531889
   i64.const -7046029288634856825
   local.get $2
   i64.add
   i64.add
   local.set $4
   i64.const -4417276706812531889
   local.get $2
   i64.add
   local.set $5
   local.get $2
   i64.const -7046029288634856825
   i64.sub
   local.set $6
   local.get $3
   i32.const 32
   i32.sub
   local.set $7
   loop $do-loop|0
    block $assembly/xxh64/round|inlined.0 (result i64)
     i64.const -7046029288634856825
     i64.const -4417276706812531889
     local.get $0
     i64.load
     i64.mul
     local.get $4
     i64.add
     i64.const 31
     i64.rotl
     i64.mul
     br $assembly/xxh64/round|inlined.0
    end
    local.set $4
    block $assembly/xxh64/round|inlined.1 (result i64)
     i64.const -7046029288634856825
     i64.const -4417276706812531889
     local.get $0
     i64.load offset=8
     i64.mul
     local.get $5
     i64.add
     i64.const 31
     i64.rotl
     i64.mul
     br $assembly/xxh64/round|inlined.1
    end
    local.set $5
    block $assembly/xxh64/round|inlined.2 (result i64)
     i64.const -7046029288634856825
     i64.const -4417276706812531889
     local.get $0
     i64.load offset=16
     i64.mul
     local.get $2
     i64.add
     i64.const 31
     i64.rotl
     i64.mul
     br $assembly/xxh64/round|inlined.2
    end
    local.set $2
    block $assembly/xxh64/round|inlined.3 (result i64)
     i64.const -7046029288634856825
     i64.const -4417276706812531889
     local.get $0
     i64.load offset=24
     i64.mul
     local.get $6
     i64.add
     i64.const 31
     i64.rotl
     i64.mul
     br $assembly/xxh64/round|inlined.3
    end
    local.set $6
    local.get $7
    local.get $0
    i32.const 32
    i32.add
    local.tee $0
    i32.ge_u
    br_if $do-loop|0
   end
   block $assembly/xxh64/mergeAccumulator|inlined.3 (result i64)
    i64.const -8796714831421723037
    i64.const -7046029288634856825
    block $assembly/xxh64/round|inlined.7 (result i64)
     i64.const -7046029288634856825
     local.get $6
     i64.const -4417276706812531889
     i64.mul
     i64.const 31
     i64.rotl
     i64.mul
     br $assembly/xxh64/round|inlined.7
    end
    block $assembly/xxh64/mergeAccumulator|inlined.2 (result i64)
     i64.const -8796714831421723037
     i64.const -7046029288634856825
     block $assembly/xxh64/round|inlined.6 (result i64)
      i64.const -7046029288634856825
      local.get $2
      i64.const -4417276706812531889
      i64.mul
      i64.const 31
      i64.rotl
      i64.mul
      br $assembly/xxh64/round|inlined.6
     end
     block $assembly/xxh64/mergeAccumulator|inlined.1 (result i64)
      i64.const -8796714831421723037
      i64.const -7046029288634856825
      block $assembly/xxh64/round|inlined.5 (result i64)
       i64.const -7046029288634856825
       local.get $5
       i64.const -4417276706812531889
       i64.mul
       i64.const 31
       i64.rotl
       i64.mul
       br $assembly/xxh64/round|inlined.5
      end
      block $assembly/xxh64/mergeAccumulator|inlined.0 (result i64)
       i64.const -8796714831421723037
       i64.const -7046029288634856825
       block $assembly/xxh64/round|inlined.4 (result i64)
        i64.const -7046029288634856825
        local.get $4
        i64.const -4417276706812531889
        i64.mul
        i64.const 31
        i64.rotl
        i64.mul
        br $assembly/xxh64/round|inlined.4
       end
       local.get $4
       i64.const 1
       i64.rotl
       local.get $5
       i64.const 7
       i64.rotl
       i64.add
       local.get $2
       i64.const 12
       i64.rotl
       i64.add
       local.get $6
       i64.const 18
       i64.rotl
       i64.add
       i64.xor
       i64.mul
       i64.add
       br $assembly/xxh64/mergeAccumulator|inlined.0
      end
      i64.xor
      i64.mul
      i64.add
      br $assembly/xxh64/mergeAccumulator|inlined.1
     end
     i64.xor
     i64.mul
     i64.add
     br $assembly/xxh64/mergeAccumulator|inlined.2
    end
    i64.xor
    i64.mul
    i64.add
    br $assembly/xxh64/mergeAccumulator|inlined.3
   end
  else
   i64.const 2870177450012600261
   local.get $2
   i64.add
  end
  local.get $1
  i64.extend_i32_u
  i64.add
  local.set $2
  loop $while-continue|1
   local.get $3
   local.get $0
   i32.const 8
   i32.add
   i32.ge_u
   if
    i64.const -8796714831421723037
    i64.const -7046029288634856825
    block $assembly/xxh64/round|inlined.8 (result i64)
     i64.const -7046029288634856825
     i64.const -4417276706812531889
     local.get $0
     i64.load
     i64.mul
     i64.const 31
     i64.rotl
     i64.mul
     br $assembly/xxh64/round|inlined.8
    end
    local.get $2
    i64.xor
    i64.const 27
    i64.rotl
    i64.mul
    i64.add
    local.set $2
    local.get $0
    i32.const 8
    i32.add
    local.set $0
    br $while-continue|1
   end
  end
  local.get $3
  local.get $0
  i32.const 4
  i32.add
  i32.ge_u
  if (result i32)
   i64.const 1609587929392839161
   i64.const -4417276706812531889
   i64.const -7046029288634856825
   local.get $0
   i64.load32_u
   i64.mul
   local.get $2
   i64.xor
   i64.const 23
   i64.rotl
   i64.mul
   i64.add
   local.set $2
   local.get $0
   i32.const 4
   i32.add
  else
   local.get $0
  end
  local.set $0
  loop $while-continue|2
   local.get $3
   local.get $0
   i32.gt_u
   if
    i64.const -7046029288634856825
    i64.const 2870177450012600261
    local.get $0
    i64.load8_u
    i64.mul
    local.get $2
    i64.xor
    i64.const 11
    i64.rotl
    i64.mul
    local.set $2
    local.get $0
    i32.const 1
    i32.add
    local.set $0
    br $while-continue|2
   end
  end
  i64.const 1609587929392839161
  i64.const -4417276706812531889
  local.get $2
  i64.const 33
  i64.shr_u
  local.get $2
  i64.xor
  i64.mul
  local.tee $2
  local.get $2
  i64.const 29
  i64.shr_u
  i64.xor
  i64.mul
  local.tee $2
  local.get $2
  i64.const 32
  i64.shr_u
  i64.xor
  return
 )
)
