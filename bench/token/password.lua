-- Signs one user in by name and password (the demo user), again and again.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
wrk.headers["Authorization"] = "Basic " .. os.getenv("BASIC")
wrk.body = "grant_type=password&username=demo&password=demo&scope=openid"
