// The same peer on Fast DDS and fastddsgen's types, a second implementation of DDS: fast_peer DOMAIN TOPIC-PREFIX
// writer|reader|reliable-reader.
#include <poll.h>
#include <unistd.h>

#include <fastdds/dds/domain/DomainParticipant.hpp>
#include <fastdds/dds/domain/DomainParticipantFactory.hpp>
#include <fastdds/dds/publisher/DataWriter.hpp>
#include <fastdds/dds/publisher/Publisher.hpp>
#include <fastdds/dds/subscriber/DataReader.hpp>
#include <fastdds/dds/subscriber/SampleInfo.hpp>
#include <fastdds/dds/subscriber/Subscriber.hpp>
#include <fastdds/rtps/transport/UDPv4TransportDescriptor.h>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "wirePubSubTypes.h"

using namespace eprosima::fastdds::dds;

template <typename Qos>
static void set(Qos &qos, bool reliable, DurabilityQosPolicyKind durability, int depth) {
  qos.reliability().kind = reliable ? RELIABLE_RELIABILITY_QOS : BEST_EFFORT_RELIABILITY_QOS;
  qos.reliability().max_blocking_time = eprosima::fastrtps::Duration_t(0, 100000000);
  qos.durability().kind = durability;
  qos.history().kind = KEEP_LAST_HISTORY_QOS;
  qos.history().depth = depth;
}

template <typename T>
static T *checked(T *pointer, const char *what) {
  if (pointer == nullptr) {
    fprintf(stderr, "%s failed\n", what);
    exit(1);
  }
  return pointer;
}

int main(int argc, char **argv) {
  if (argc < 4) return 2;
  setvbuf(stdout, nullptr, _IOLBF, 0);
  setvbuf(stdin, nullptr, _IONBF, 0);
  const std::string prefix = argv[2];
  const bool writes = std::string(argv[3]) == "writer";
  DomainParticipantQos participant_qos;
  participant_qos.name("fast_peer");
  // Its other transport leaves files in shared memory.
  participant_qos.transport().use_builtin_transports = false;
  participant_qos.transport().user_transports.push_back(std::make_shared<eprosima::fastdds::rtps::UDPv4TransportDescriptor>());
  auto *participant =
      checked(DomainParticipantFactory::get_instance()->create_participant(atoi(argv[1]), participant_qos), "create_participant");
  TypeSupport meta_type(new PoolMetadataPubSubType()), progress_type(new PoolProgressMessagePubSubType());
  meta_type.register_type(participant);
  progress_type.register_type(participant);
  auto *meta_topic = checked(participant->create_topic(prefix + "_meta", meta_type.get_type_name(), TOPIC_QOS_DEFAULT), "topic");
  auto *progress_topic =
      checked(participant->create_topic(prefix + "_progress", progress_type.get_type_name(), TOPIC_QOS_DEFAULT), "topic");
  DataWriter *meta_writer = nullptr, *progress_writer = nullptr;
  DataReader *meta_reader = nullptr, *progress_reader = nullptr;
  if (writes) {
    auto *publisher = checked(participant->create_publisher(PUBLISHER_QOS_DEFAULT), "create_publisher");
    DataWriterQos meta_qos, progress_qos;
    // Fast DDS has no transient durability without a service of its own; transient local is what is offered instead.
    set(meta_qos, true, TRANSIENT_LOCAL_DURABILITY_QOS, 1);
    set(progress_qos, true, TRANSIENT_LOCAL_DURABILITY_QOS, 10);
    meta_writer = checked(publisher->create_datawriter(meta_topic, meta_qos), "meta writer");
    progress_writer = checked(publisher->create_datawriter(progress_topic, progress_qos), "progress writer");
  } else {
    auto *subscriber = checked(participant->create_subscriber(SUBSCRIBER_QOS_DEFAULT), "create_subscriber");
    DataReaderQos meta_qos, progress_qos;
    set(meta_qos, false, VOLATILE_DURABILITY_QOS, 1);
    set(progress_qos, std::string(argv[3]) == "reliable-reader", TRANSIENT_LOCAL_DURABILITY_QOS, 10);
    meta_reader = checked(subscriber->create_datareader(meta_topic, meta_qos), "meta reader");
    progress_reader = checked(subscriber->create_datareader(progress_topic, progress_qos), "progress reader");
  }
  printf("ready\n");
  char line[4096];
  int matched[2] = {0, 0};
  for (;;) {
    struct pollfd input = {0, POLLIN, 0};
    if (poll(&input, 1, 1) > 0) {
      if (fgets(line, sizeof line, stdin) == nullptr) break;
      const std::string command = line;
      if (command.rfind("meta", 0) == 0) {
        PoolMetadata m;
        m.name(prefix);
        m.shape({480, 640, 3});
        m.dtype_str("uint8");
        m.backend_type("numpy");
        m.history_len(10);
        m.device("cpu");
        m.element_size(1);
        m.total_size(9216000);
        m.shm_name("tensoripc_camera");
        m.creator_pid(4711);
        m.payload_json("{}");
        meta_writer->write(&m);
      } else {
        PoolProgressMessage p;
        p.pool_name(prefix);
        p.latest_frame(atoll(line + std::string("progress ").size()));
        progress_writer->write(&p);
      }
    }
    for (int i = 0; i < 2; i++) {
      const char *label = i == 0 ? "meta" : "progress";
      int current;
      if (writes) {
        PublicationMatchedStatus status;
        (i == 0 ? meta_writer : progress_writer)->get_publication_matched_status(status);
        current = status.current_count;
      } else {
        SubscriptionMatchedStatus status;
        (i == 0 ? meta_reader : progress_reader)->get_subscription_matched_status(status);
        current = status.current_count;
        SampleInfo info;
        PoolMetadata m;
        PoolProgressMessage p;
        while (i == 0 && meta_reader->take_next_sample(&m, &info) == ReturnCode_t::RETCODE_OK) {
          if (!info.valid_data) continue;
          printf("meta %s [%ld,%ld,%ld] %s %s %ld %s %ld %ld %s %ld %s\n", m.name().c_str(), m.shape().at(0), m.shape().at(1),
                 m.shape().at(2), m.dtype_str().c_str(), m.backend_type().c_str(), m.history_len(), m.device().c_str(),
                 m.element_size(), m.total_size(), m.shm_name().c_str(), m.creator_pid(), m.payload_json().c_str());
        }
        while (i == 1 && progress_reader->take_next_sample(&p, &info) == ReturnCode_t::RETCODE_OK)
          if (info.valid_data) printf("progress %s %ld\n", p.pool_name().c_str(), p.latest_frame());
      }
      if (current != matched[i]) printf("%s matched %d\n", label, matched[i] = current);
    }
  }
  participant->delete_contained_entities();
  DomainParticipantFactory::get_instance()->delete_participant(participant);
  printf("left\n");
  return 0;
}
