//! Two nodes: what is done at one of them happens at both.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::StreamExt;
use rtwire_server::{
    AckError, Answers, ClusterError, Data, EmitError, NamespaceHandlers, ServerSideAck, Socket,
    SocketIo,
};
use tokio::sync::mpsc;

use crate::cluster::{Bus, Node};
use crate::peer::{Running, soon};
use crate::socket_io_peer::{Client, Told, serve};

/// Far shorter than a test may take, and than the defaults.
const SHORT: Duration = Duration::from_millis(300);

struct Member {
    io: SocketIo,
    node: Node,
    server: Running,
    told: Told,
}

async fn member(
    bus: &Bus,
    handlers: impl FnOnce(NamespaceHandlers) -> NamespaceHandlers,
) -> Member {
    let node = bus.node();
    let io = SocketIo::with_adapter(node.clone());
    let (server, told) = serve(io.clone(), handlers).await;
    Member { io, node, server, told }
}

async fn pair(bus: &Bus) -> [Member; 2] {
    [member(bus, |ns| ns).await, member(bus, |ns| ns).await]
}

/// Reads a question, and answers it.
async fn answer(client: &mut Client, answer: &str) {
    let question = client.text().await;
    let id = question.strip_prefix("42").and_then(|rest| rest.split('[').next()).unwrap();
    assert!(!id.is_empty(), "{question} wants no answer");
    client.send(&format!("43{id}{answer}")).await;
}

async fn all(mut answers: Answers<String>) -> (BTreeSet<String>, Option<AckError>) {
    let mut all = BTreeSet::new();
    while let Some(answer) = soon(answers.next()).await {
        match answer {
            Ok(answer) => assert!(all.insert(answer)),
            Err(error) => {
                assert!(soon(answers.next()).await.is_none(), "an error is the end");
                return (all, Some(error));
            }
        }
    }
    (all, None)
}

/// Waits until so many sockets are in the room, on both nodes together.
async fn until_in_room(io: &SocketIo, room: &str, count: usize) {
    while soon(io.to(room).fetch_sockets()).await.unwrap().len() != count {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn broadcast_reaches_the_other_node() {
    let bus = Bus::with_delays(&[2]);
    let [here, there] = pair(&bus).await;
    let mut a = Client::connect(&here.server).await;
    let mut b = Client::connect(&there.server).await;
    let mut c = Client::connect(&there.server).await;
    assert_eq!(here.io.emit("all", &1).unwrap(), 1, "as many as here");
    for client in [&mut a, &mut b, &mut c] {
        client.expect(r#"42["all",1]"#).await;
    }
    here.io.to(&b.id).within(&a.id).except(&a.id).emit("one", &2).unwrap();
    here.io.local().emit("here", &3).unwrap();
    b.expect(r#"42["one",2]"#).await;
    there.io.except(&a.id).volatile().emit("there", &4).unwrap();
    b.expect(r#"42["there",4]"#).await;
    c.expect(r#"42["there",4]"#).await;
    a.expect(r#"42["here",3]"#).await;
}

#[tokio::test]
async fn sockets_of_the_other_node_join_and_leave_and_are_put_out() {
    let bus = Bus::with_delays(&[2]);
    let [here, mut there] = pair(&bus).await;
    let mut a = Client::connect(&here.server).await;
    let mut b = Client::connect(&there.server).await;
    here.io.namespace("/").sockets_join(["x", "y"]).unwrap();
    until_in_room(&here.io, "x", 2).await;
    until_in_room(&there.io, "y", 2).await;
    here.io.to(&b.id).sockets_leave(["x"]).unwrap();
    until_in_room(&here.io, "x", 1).await;
    here.io.to("y").except("x").disconnect_sockets(false).unwrap();
    b.expect("41").await;
    assert_eq!(soon(there.told.recv()).await.unwrap(), "server namespace disconnect");
    b.join("").await;
    there.io.namespace("/").disconnect_sockets(true).unwrap();
    a.expect("41").await;
    b.expect("41").await;
    a.ends().await;
    b.ends().await;
}

#[tokio::test]
async fn fetched_sockets_of_the_other_node_are_as_they_are_there() {
    let bus = Bus::with_delays(&[1]);
    let with_data = |ns: NamespaceHandlers| {
        ns.on_connect(async |socket: Socket| {
            socket.set_data(&("some", 1)).unwrap();
            socket.join("x").unwrap();
        })
    };
    let [here, there] = [member(&bus, |ns| ns).await, member(&bus, with_data).await];
    let _a = Client::connect(&here.server).await;
    let mut b = Client::open(&there.server).await;
    b.send(r#"40{"name":"b"}"#).await;
    b.id = b.text().await.split('"').nth(3).unwrap().to_owned();
    until_in_room(&here.io, "x", 1).await;

    assert_eq!(soon(here.io.namespace("/").fetch_sockets()).await.unwrap().len(), 2);
    assert_eq!(soon(here.io.local().fetch_sockets()).await.unwrap().len(), 1);
    let fetched = soon(here.io.to("x").fetch_sockets()).await.unwrap();
    let [fetched] = &fetched[..] else { panic!("{fetched:?}") };
    assert_eq!(fetched.id(), b.id.as_str());
    assert_eq!(fetched.rooms(), [b.id.as_str(), "x"]);
    assert_eq!(fetched.data::<(String, u8)>().unwrap(), ("some".to_owned(), 1));
    assert_eq!(fetched.handshake().auth["name"], "b");

    fetched.join("z").unwrap();
    until_in_room(&here.io, "z", 1).await;
    fetched.leave("x").unwrap();
    until_in_room(&here.io, "x", 0).await;
    fetched.emit("hello", &1).unwrap();
    b.expect(r#"42["hello",1]"#).await;
    let asked = fetched.broadcast().emit_with_ack("who?", &());
    let (answers, ()) = tokio::join!(all(asked), answer(&mut b, r#"["b"]"#));
    assert!(matches!(answers, (said, None) if said == ["b".to_owned()].into()));
    fetched.disconnect(true).unwrap();
    b.expect("41").await;
    b.ends().await;
}

#[tokio::test]
async fn acks_of_both_nodes_come_in_any_order() {
    // Of what is sent at once the first comes last: acks come before their number is known.
    let bus = Bus::with_delays(&[40, 1, 20, 1]);
    let [here, there] = pair(&bus).await;
    for round in 0..4 {
        let mut clients = vec![Client::connect(&here.server).await];
        for _ in 0..5 {
            clients.push(Client::connect(&there.server).await);
        }
        let answers =
            all(here.io.to("/").except("x").within(&clients[0].id).emit_with_ack("q", &()));
        let only_one = async { answer(&mut clients[0], r#"["me"]"#).await };
        let (answers, ()) = tokio::join!(answers, only_one);
        assert!(matches!(answers, (said, None) if said.len() == 1));

        let answers = all(here.io.namespace("/").emit_with_ack("who?", &round));
        let answering = async {
            for (index, client) in clients.iter_mut().enumerate() {
                answer(client, &format!(r#"["{index}"]"#)).await;
            }
        };
        let (answers, ()) = tokio::join!(answers, answering);
        let (said, error) = answers;
        assert!(error.is_none(), "{error:?}");
        assert_eq!(said, (0..6).map(|index| index.to_string()).collect());
        while here.node.open_questions() > 0 {
            tokio::task::yield_now().await;
        }
        here.io.namespace("/").disconnect_sockets(true).unwrap();
        for client in &mut clients {
            client.expect("41").await;
        }
        while !soon(here.io.namespace("/").fetch_sockets()).await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn acks_that_do_not_come_are_told_in_the_end() {
    let bus = Bus::with_delays(&[1]);
    let [here, there] = pair(&bus).await;
    let mut a = Client::connect(&here.server).await;
    let silent = Client::connect(&here.server).await;
    let mut b = Client::connect(&there.server).await;
    let _silent_there = Client::connect(&there.server).await;
    let answers = here.io.namespace("/").timeout(SHORT).emit_with_ack("who?", &());
    let answering = async {
        answer(&mut a, r#"["a"]"#).await;
        answer(&mut b, r#"["b"]"#).await;
    };
    let ((said, error), ()) = tokio::join!(all(answers), answering);
    assert_eq!(said, ["a".to_owned(), "b".to_owned()].into());
    let Some(AckError::Missing(missing)) = error else { panic!("{error:?}") };
    assert_eq!(missing.sockets, [silent.id.as_str()]);
    assert_eq!((missing.clients, missing.nodes), (1, 0));

    // An answer of another type is told, and no end.
    let local = here.io.to(&a.id).local();
    let mut answers = local.clone().timeout(SHORT).emit_with_ack::<String>("who?", &());
    answer(&mut a, "[1]").await;
    assert!(matches!(soon(answers.next()).await, Some(Err(AckError::Payload(_)))));
    assert!(soon(answers.next()).await.is_none());
    // Who goes is missing at once, long before the time is over.
    let answers = all(local.timeout(Duration::MAX).emit_with_ack("who?", &()));
    let id = a.id.clone();
    drop(a);
    let (_, error) = answers.await;
    let Some(AckError::Missing(missing)) = error else { panic!("{error:?}") };
    assert_eq!(missing.sockets, [id.as_str()]);
    // Nobody is nobody.
    assert!(
        matches!(all(here.io.to("empty").emit_with_ack("q", &())).await, (said, None) if said.is_empty())
    );
    assert!(matches!(all(here.io.namespace("/none").emit_with_ack("q", &())).await, (_, None)));
    let reserved = all(here.io.to("empty").emit_with_ack("connect", &())).await;
    assert!(matches!(reserved, (_, Some(AckError::Emit(EmitError::Payload(_))))));
}

#[tokio::test]
async fn server_side_events_reach_the_other_node_alone() {
    let bus = Bus::with_delays(&[1]);
    let (tell, mut heard) = mpsc::unbounded_channel();
    let hears = |name: &'static str| {
        let tell = tell.clone();
        move |ns: NamespaceHandlers| {
            ns.on_server_side("news", move |data: Data| {
                drop(tell.send(format!("{name}: {}", data.json())));
                async {}
            })
            .on_server_side("name", async move |_: Data, ack: ServerSideAck| ack.send(name))
        }
    };
    let here = member(&bus, hears("here")).await;
    let there = member(&bus, hears("there")).await;
    let to_all = here.io.namespace("/").timeout(SHORT);
    to_all.clone().server_side_emit("news", &(1, "x")).unwrap();
    assert_eq!(soon(heard.recv()).await.unwrap(), r#"there: ["news",1,"x"]"#);
    there.io.namespace("/").server_side_emit("news", &2).unwrap();
    assert_eq!(soon(heard.recv()).await.unwrap(), r#"here: ["news",2]"#);
    to_all.clone().local().server_side_emit("news", &3).unwrap();

    let names: Vec<String> =
        soon(to_all.clone().server_side_emit_with_ack("name", &())).await.unwrap();
    assert_eq!(names, ["there"]);
    let mute = member(&bus, |ns| ns).await;
    let names = soon(to_all.clone().server_side_emit_with_ack::<String>("name", &())).await;
    let Err(ClusterError::Incomplete { answers, missing_nodes: 1 }) = names else {
        panic!("{names:?}")
    };
    assert_eq!(answers, ["there"]);
    let names = soon(mute.io.namespace("/").server_side_emit_with_ack::<String>("name", &()));
    assert_eq!(names.await.unwrap().len(), 2);
    assert!(matches!(
        soon(mute.io.namespace("/").server_side_emit_with_ack::<u8>("name", &())).await,
        Err(ClusterError::Payload(_))
    ));
    assert!(heard.try_recv().is_err(), "nobody hears twice, and nobody hears itself");
}

#[tokio::test]
async fn nodes_are_counted() {
    let bus = Bus::default();
    let [here, there] = pair(&bus).await;
    assert_eq!(here.node.attached(), 1);
    assert_eq!(soon(here.io.node_count("/")).await.unwrap(), 2);
    assert_eq!(soon(here.io.node_count("/none")).await.unwrap(), 0);
    soon(there.io.close_adapter()).await;
    assert_eq!(soon(here.io.node_count("/")).await.unwrap(), 1);
    assert_eq!(soon(SocketIo::new().node_count("/")).await.unwrap(), 0);
}

#[tokio::test]
async fn a_node_that_is_lost_is_missed_in_bounded_time() {
    let bus = Bus::default();
    let [here, there] = pair(&bus).await;
    let mut a = Client::connect(&here.server).await;
    let _b = Client::connect(&there.server).await;
    bus.lose(&there.node);
    // Far longer than this test may take, so that `timeout` is what bounds it.
    let io = here.io.clone().ack_timeout(Duration::from_secs(3600));
    let to_all = io.namespace("/").timeout(SHORT);

    let fetched = soon(to_all.clone().fetch_sockets()).await;
    let Err(ClusterError::Incomplete { answers, missing_nodes: 1 }) = fetched else {
        panic!("{fetched:?}")
    };
    assert_eq!(answers[0].id(), a.id.as_str());
    let asked = to_all.clone().emit_with_ack("who?", &());
    let ((said, error), ()) = tokio::join!(all(asked), answer(&mut a, r#"["a"]"#));
    let Some(AckError::Missing(missing)) = error else { panic!("{error:?}") };
    assert_eq!((said.len(), missing.sockets.len(), missing.clients, missing.nodes), (1, 0, 0, 1));
    let asked = soon(to_all.clone().server_side_emit_with_ack::<u8>("x", &())).await;
    assert!(matches!(asked, Err(ClusterError::Incomplete { missing_nodes: 1, .. })), "{asked:?}");
    // And without a `timeout` it is the server's.
    let fetched = soon(here.io.clone().request_timeout(SHORT).namespace("/").fetch_sockets()).await;
    assert!(
        matches!(fetched, Err(ClusterError::Incomplete { missing_nodes: 1, .. })),
        "{fetched:?}"
    );

    // What wants no answer goes on here.
    to_all.clone().server_side_emit("x", &()).unwrap();
    to_all.clone().sockets_join(["x"]).unwrap();
    while to_all.clone().to("x").sockets().is_empty() {
        tokio::task::yield_now().await;
    }
    to_all.clone().emit("hello", &()).unwrap();
    a.expect(r#"42["hello"]"#).await;
    to_all.clone().sockets_leave(["x"]).unwrap();
    to_all.clone().disconnect_sockets(true).unwrap();
    a.expect("41").await;
    a.ends().await;
    assert_eq!(here.node.open_questions(), 0);
}

#[tokio::test]
async fn what_an_adapter_cannot_send_is_refused() {
    let bus = Bus::default();
    let [here, there] = pair(&bus).await;
    let mut b = Client::connect(&there.server).await;
    for credit in 0..3 {
        here.node.set_credit(credit);
        for sent in 0..credit {
            here.io.emit("n", &sent).unwrap();
            b.expect(&format!(r#"42["n",{sent}]"#)).await;
        }
        assert!(matches!(here.io.emit("n", &()), Err(EmitError::Full)));
        let joined = here.io.namespace("/").sockets_join(["x"]);
        assert!(matches!(joined, Err(EmitError::Full)));
    }
}
