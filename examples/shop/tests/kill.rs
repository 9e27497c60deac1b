//! Runs the program, kills it in the middle of its work, and looks at what is there when it starts again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::{env, process, thread};

use serde_json::{Value, json};

const PRICES: [(&str, i64); 3] = [("apples", 120), ("bread", 350), ("cheese", 899)];

/// The program while it runs.
struct Shop {
    child: Child,
    client: Client,
}

/// Where it answers.
#[derive(Clone)]
struct Client(String);

impl Shop {
    fn start(folder: &Path, requests_a_minute: u32) -> Self {
        let log = OpenOptions::new().create(true).append(true).open(folder.join("log")).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_hashlet-shop"))
            .args([folder.join("data").to_str().unwrap(), "127.0.0.1:0"])
            .env("SHOP_REQUESTS_A_MINUTE", requests_a_minute.to_string())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").expect(&line).to_owned();
        Self { child, client: Client(address) }
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Stops it as a service manager does.
    fn stop(mut self) -> ExitStatus {
        let kill = format!("kill -TERM {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        self.child.wait().unwrap()
    }
}

impl Deref for Shop {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Client {
    /// An answer with another status than one of the `expected` ones fails the test.
    fn call(&self, request: &str, token: &str, body: Value, expected: &[u16]) -> io::Result<(u16, Value)> {
        let body = body.to_string();
        let mut stream = TcpStream::connect(&self.0)?;
        write!(
            stream,
            "{request} HTTP/1.1\r\nhost: shop\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if length.is_some_and(|length| length.parse() != Ok(body.len())) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let status = head[9..12].parse().unwrap();
        assert!(expected.contains(&status), "{request}: {answer}");
        Ok((status, serde_json::from_str(body).unwrap_or_else(|_| body.into())))
    }

    fn get(&self, path: &str, token: &str) -> Value {
        self.call(&format!("GET {path}"), token, Value::Null, &[200]).unwrap().1
    }
}

/// What was asked for, and not answered.
#[derive(Clone, Debug, Default, PartialEq)]
enum Unsure {
    #[default]
    Nothing,
    Session,
    End(String),
    Cart(BTreeMap<String, i64>),
    Order,
}

/// What a user was told, which is what must be there.
#[derive(Debug, Default)]
struct User {
    name: String,
    sessions: BTreeSet<String>,
    ended: BTreeSet<String>,
    /// How many sessions there may be whose tokens did not arrive.
    unanswered: usize,
    visits: i64,
    cart: BTreeMap<String, i64>,
    orders: BTreeMap<i64, Value>,
    unsure: Unsure,
}

impl User {
    fn token(&self) -> &str {
        self.sessions.first().unwrap()
    }

    fn sign_in(&mut self, shop: &Client) -> io::Result<()> {
        self.unsure = Unsure::Session;
        let (_, answer) = shop.call("POST /sessions", "", json!({ "user": self.name }), &[201])?;
        assert!(self.sessions.insert(answer["token"].as_str().unwrap().to_owned()), "a token was given twice");
        self.visits += 1;
        Ok(())
    }

    fn sign_out(&mut self, shop: &Client) -> io::Result<()> {
        let token = self.sessions.pop_last().unwrap();
        self.unsure = Unsure::End(token.clone());
        shop.call("DELETE /session", &token, Value::Null, &[204])?;
        self.ended.insert(token);
        Ok(())
    }

    fn add(&mut self, shop: &Client, product: &str, count: i64) -> io::Result<()> {
        let mut cart = self.cart.clone();
        *cart.entry(product.to_owned()).or_default() += count;
        self.unsure = Unsure::Cart(cart.clone());
        let body = json!({ "product": product, "count": count });
        let (_, answer) = shop.call("POST /cart", self.token(), body, &[200])?;
        assert_eq!(answer, json!(cart[product]));
        self.cart = cart;
        Ok(())
    }

    fn remove(&mut self, shop: &Client, product: &str) -> io::Result<()> {
        let mut cart = self.cart.clone();
        let expected = if cart.remove(product).is_some() { 204 } else { 404 };
        self.unsure = Unsure::Cart(cart.clone());
        shop.call(&format!("DELETE /cart/{product}"), self.token(), Value::Null, &[expected])?;
        self.cart = cart;
        Ok(())
    }

    fn order(&mut self, shop: &Client) -> io::Result<()> {
        self.unsure = Unsure::Order;
        let (_, order) = shop.call("POST /orders", self.token(), Value::Null, &[201])?;
        self.was_ordered(order);
        Ok(())
    }

    fn was_ordered(&mut self, order: Value) {
        let cents: i64 = PRICES.iter().map(|(product, cents)| self.cart.get(*product).unwrap_or(&0) * cents).sum();
        let number = order["number"].as_i64().unwrap();
        assert_eq!(order, json!({ "number": number, "items": self.cart, "cents": cents }));
        assert!(self.orders.insert(number, order).is_none(), "a number was given twice");
        self.cart.clear();
    }

    /// Works until the shop is gone, and tells of each order.
    fn work(&mut self, shop: &Client, ordered: &Sender<()>) -> io::Result<()> {
        for turn in 0.. {
            let (product, _) = PRICES[turn % 3];
            match turn % 8 {
                0 => self.sign_in(shop)?,
                4 => self.sign_out(shop)?,
                _ => {}
            }
            self.add(shop, product, 1 + turn as i64 % 2)?;
            if turn % 5 == 0 {
                self.remove(shop, "cheese")?;
            }
            if !self.cart.is_empty() {
                self.order(shop)?;
                self.unsure = Unsure::Nothing;
                _ = ordered.send(());
            }
        }
        Ok(())
    }

    /// Compares what is there with what was told. What was not answered is there as a whole, or not at all.
    fn check(&mut self, shop: &Client) {
        for token in &self.ended {
            shop.call("GET /cart", token, Value::Null, &[401]).unwrap();
        }
        let unsure = std::mem::take(&mut self.unsure);
        if let Unsure::End(token) = &unsure {
            let (status, _) = shop.call("GET /cart", token, Value::Null, &[200, 401]).unwrap();
            if status == 200 { &mut self.sessions } else { &mut self.ended }.insert(token.clone());
        }
        for token in &self.sessions {
            shop.get("/cart", token);
        }

        let token = self.token().to_owned();
        let orders = shop.get("/orders", &token);
        let orders = orders.as_array().unwrap();
        let news: Vec<&Value> =
            orders.iter().filter(|order| !self.orders.contains_key(&order["number"].as_i64().unwrap())).collect();
        match &*news {
            [] => {}
            [order] if unsure == Unsure::Order => self.was_ordered((*order).clone()),
            _ => panic!("nobody was told of {news:?}"),
        }
        assert_eq!(*orders, self.orders.values().cloned().collect::<Vec<_>>(), "{}", self.name);
        if let Some((number, order)) = self.orders.last_key_value() {
            assert_eq!(shop.get(&format!("/orders/{number}"), &token), *order);
        }

        let cart = shop.get("/cart", &token);
        match &unsure {
            Unsure::Cart(changed) if cart == json!(changed) => self.cart = changed.clone(),
            _ => assert_eq!(cart, json!(self.cart), "{}", self.name),
        }

        // A session is begun in two steps: the visit is counted, and then the session is there.
        let profile = shop.get("/profile", &token);
        if unsure == Unsure::Session {
            self.visits = profile["visits"].as_i64().unwrap().clamp(self.visits, self.visits + 1);
            self.unanswered += 1;
        }
        let expected = json!({ "name": self.name, "email": null, "visits": self.visits, "orders": self.orders.len() });
        assert_eq!(profile, expected);
        let sessions = shop.get("/sessions", &token).as_array().unwrap().len();
        assert!((self.sessions.len()..=self.sessions.len() + self.unanswered).contains(&sessions), "{}", self.name);
    }
}

fn check_all(shop: &Shop, users: &mut [User], was_closed: &str) {
    users.iter_mut().for_each(|user| user.check(shop));
    let mut numbers: Vec<i64> = users.iter().flat_map(|user| user.orders.keys().copied()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=numbers.len() as i64).collect::<Vec<_>>(), "each number once, and none left out");
    let metrics = shop.get("/metrics", "");
    for line in [&*format!("shop_orders_total {}", numbers.len()), "shop_journal_failed 0", was_closed] {
        assert!(metrics.as_str().unwrap().lines().any(|found| found == line), "no {line} in {metrics}");
    }
}

/// All users work until they have made so many orders, and `end` ends the shop.
fn work(shop: Shop, users: &mut [User], orders: usize, end: impl FnOnce(Shop)) {
    let (ordered, told) = channel();
    let client = shop.client.clone();
    thread::scope(|scope| {
        for user in users {
            let (ordered, client) = (ordered.clone(), &client);
            scope.spawn(move || user.work(client, &ordered).expect_err("the shop is gone"));
        }
        drop(ordered);
        let made = told.iter().take(orders).count();
        end(shop);
        assert_eq!(made, orders, "the shop ended by itself");
    });
}

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        if thread::panicking() {
            _ = io::copy(&mut File::open(self.0.join("log")).unwrap(), &mut io::stderr());
        }
        _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn what_was_answered_outlasts_kills_and_stops() {
    let scale = env::var("HASHLET_SCALE").map_or(1.0, |scale| scale.parse::<f64>().unwrap());
    let (rounds, orders) = (2 + (4.0 * scale) as usize, 20 + (20.0 * scale) as usize);
    let folder = Folder(env::temp_dir().join(format!("hashlet-shop-{}", process::id())));
    fs::create_dir(&folder.0).unwrap();

    let mut shop = Shop::start(&folder.0, u32::MAX);
    let mut users: Vec<User> = (0..4).map(|user| User { name: format!("user-{user}"), ..User::default() }).collect();
    for user in &mut users {
        let new = json!({ "user": user.name, "name": user.name });
        shop.call("POST /sessions", "", json!({ "user": user.name }), &[404]).unwrap();
        shop.call("POST /profiles", "", new.clone(), &[201]).unwrap();
        shop.call("POST /profiles", "", new, &[409]).unwrap();
        user.sign_in(&shop).unwrap();
    }
    for _ in 0..rounds {
        work(shop, &mut users, orders, Shop::kill);
        shop = Shop::start(&folder.0, u32::MAX);
        check_all(&shop, &mut users, "shop_was_closed 0");
    }
    work(shop, &mut users, orders, |shop| assert!(shop.stop().success()));
    shop = Shop::start(&folder.0, u32::MAX);
    check_all(&shop, &mut users, "shop_was_closed 1");

    let token = users[0].token().to_owned();
    shop.call("POST /cart", &token, json!({ "product": "bread", "count": 100 }), &[400]).unwrap();
    shop.call("POST /cart", &token, json!({ "product": "gold", "count": 1 }), &[404]).unwrap();
    shop.call("PATCH /profile", &token, json!({ "name": "Ada", "email": "nowhere" }), &[400]).unwrap();
    assert_eq!(shop.get("/profile", &token)["name"], json!("user-0"));
    shop.call("PATCH /profile", &token, json!({ "name": "Ada", "email": "ada@example.com" }), &[204]).unwrap();
    assert_eq!(shop.get("/profile", &token)["email"], json!("ada@example.com"));
    assert_eq!(shop.get("/flags/closed", ""), json!(false));
    shop.call("PUT /flags/closed", "", json!(true), &[204]).unwrap();
    shop.call("POST /orders", &token, Value::Null, &[400]).unwrap();
    shop.call("DELETE /sessions", &token, Value::Null, &[200]).unwrap();
    shop.call("GET /cart", &token, Value::Null, &[401]).unwrap();
    shop.call("GET /nowhere", "", Value::Null, &[404]).unwrap();
    assert!(shop.get("/metrics", "").as_str().unwrap().contains("{route=\"/cart\",status=\"401\"}"));
    assert!(shop.stop().success());
    assert!(fs::read_to_string(folder.0.join("log")).unwrap().contains("flag closed: unset -> true\n"));

    let shop = Shop::start(&folder.0, 3);
    assert_eq!(shop.get("/flags/closed", ""), json!(true));
    shop.call("GET /cart", &token, Value::Null, &[401]).unwrap();
    let ask = |_| shop.call("GET /flags/closed", "", Value::Null, &[200, 429]).unwrap().0;
    assert!((0..1_000).map(ask).any(|status| status == 429));
    assert!(shop.stop().success());
}
